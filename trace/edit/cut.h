// Makes a trace of a stretch of another one, which stands alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/file.h"
#include "trace/reading/reader.h"

namespace panda::trace {

struct CutOptions {
    IfExists if_exists = IfExists::refuse;
    int compression_level = 3;
    std::function<void(uint64_t)> progress = {};  // instructions written
};

struct CutResult {
    uint64_t first_instr = 0;
    uint64_t end_instr = 0;
    uint64_t blocks_defined = 0;
    uint64_t blocks_executed = 0;
    uint64_t snapshots = 0;
};

// Writes instructions [from, to) of a trace to `output`: whole executions of blocks, so it begins with the
// one that `from` is in and ends with the one that to - 1 is in. It begins and ends with snapshots, where
// memory is known there, and keeps those between; it has the block definitions that it uses, its events, and
// the columns of memory of the original. The registers in the first and last snapshot are what the trace
// tells (CpuTracker). Files only: reader has to be able to seek. Throws FileError when the trace is damaged,
// or has nothing of the range.
CutResult cut(TraceReader& reader, uint64_t from, uint64_t to, const std::string& output,
              const CutOptions& options);

}  // namespace panda::trace
