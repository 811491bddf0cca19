// Finds what is where in a trace file: from its index, or by a scan. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trace/contents.h"
#include "trace/format/message_source.h"

namespace panda::trace {

struct FileContents {
    Contents contents;
    uint64_t end_instr = 0;
    std::string flaw;  // why the trace is not whole; empty when it is
};

// From the index; nothing when the file has none. Throws FileError when it is damaged.
std::optional<FileContents> read_index(const MappedSource& source);

// From the messages themselves. first_instr: the header's. Throws FileError at the first damage.
FileContents scan(const MappedSource& source, uint64_t first_instr);

// What a trace without end lacks, given what its source says.
std::string describe_flaw(const MessageSource& source);

}  // namespace panda::trace
