// Repairs a trace that was cut short: copies its whole messages and adds an index and an end.
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
    uint64_t bytes_read = 0;     // of the messages that were kept; everything behind them was lost
    uint64_t bytes_written = 0;  // index and end included
    std::string flaw;            // why nothing more could be kept; empty if the trace was whole
};

// Goes through the messages in order and keeps them up to the first one that is incomplete, damaged (columns
// included) or out of place. A snapshot is kept only if its end is there. path: a trace; "-" is standard
// input. output: the trace to make; "-" is standard output. Throws FileError when not even the header is
// whole, or when the output cannot be written. This reads and writes the file once, and decodes only block
// definitions. From a pipe, one snapshot is held in memory, compressed.
Recovery recover(const std::string& path, const std::string& output, IfExists if_exists);

}  // namespace panda::trace
