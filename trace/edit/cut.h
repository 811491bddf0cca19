// Cuts a part out of a trace, as a trace of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/file.h"
#include "trace/reading/reader.h"

namespace panda::trace {

struct CutOptions {
    IfExists if_exists = IfExists::refuse;
    int compression_level = 3;                    // zstd's
    std::function<void(uint64_t)> progress = {};  // gets how many instructions were written so far
};

struct CutResult {
    uint64_t first_instr = 0;
    uint64_t end_instr = 0;  // one past the last instruction
    uint64_t blocks_defined = 0;
    uint64_t blocks_executed = 0;
    uint64_t snapshots = 0;
};

// Writes instructions [from, to) of a trace to `output`. The new trace has whole executions of blocks, so it
// starts with the execution that has `from` in it and ends with the one that has to - 1 in it. It starts and
// ends with snapshots, if memory is known there, and keeps the snapshots between. It has the block
// definitions that it uses, its events, and the memory columns of the original. The first and the last
// snapshot have the registers that CpuTracker knows. reader: of a file. Throws FileError when the trace is
// damaged or has nothing of the range, or when the output cannot be written.
CutResult cut(TraceReader& reader, uint64_t from, uint64_t to, const std::string& output,
              const CutOptions& options);

}  // namespace panda::trace
