// Makes a whole trace of one that was cut short: copies its whole messages and gives it an index and an end.
#pragma once

#include <cstdint>
#include <string>

#include "common/file.h"

namespace panda::trace {

struct Recovery {
    uint64_t first_instr = 0;
    uint64_t end_instr = 0;  // where the new trace ends
    uint64_t chunks = 0;
    uint64_t snapshots = 0;
    uint64_t definitions = 0;
    uint64_t bytes_read = 0;     // that were kept; what follows them was lost
    uint64_t bytes_written = 0;  // index and end included
    std::string flaw;            // why nothing more could be kept; empty when the trace was whole
};

// path: a trace, "-" for standard input. output: the trace to make, "-" for standard output. Goes through the
// messages in order and keeps them up to the first that is incomplete, damaged (columns included) or out of
// place; a snapshot counts when its end is there. Throws FileError when not even the header is whole, or the
// output cannot be written. Costs a read and a write of the file; decodes nothing but block definitions. Of a
// pipe, one snapshot is held in memory, compressed.
Recovery recover(const std::string& path, const std::string& output, IfExists if_exists);

}  // namespace panda::trace
