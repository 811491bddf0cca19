// Finds out what is where in a trace file, from its index or by a scan. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trace/contents.h"
#include "trace/format/message_source.h"

namespace panda::trace {

struct FileContents {
    Contents contents;
    uint64_t end_instr = 0;  // one past the last instruction
    std::string flaw;        // why the trace is not whole; empty if it is
};

// Reads the index; returns nothing if the file has none. Throws FileError when the index is damaged.
std::optional<FileContents> read_index(const MappedSource& source);

// Goes through all messages of the file. This reads a page of each. first_instr: that of the header. Throws
// FileError at the first damage.
FileContents scan(const MappedSource& source, uint64_t first_instr);

// Says in words what is wrong with a trace that has no end message. source: after its last message.
std::string describe_flaw(const MessageSource& source);

}  // namespace panda::trace
