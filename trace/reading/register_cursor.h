// The registers at the begin of each execution, of traces that were made with them.
#pragma once

#include <cstdint>
#include <memory>

#include "trace/coding/register_codec.h"
#include "trace/cpu_state.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Goes through a chunk beside a ChunkCursor, execution by execution. Reuse it for further chunks: it has a
// table of up to 27 MB. About 40 ns an execution.
class RegisterCursor {
  public:
    // Begins a chunk. Throws FileError when it is damaged, or the trace was made without registers.
    void start(const Chunk& chunk);
    // The registers with which the next execution begins, partial ones included, of block `id`. Valid until
    // the next call. Throws FileError when the chunk contradicts itself, or has no more executions.
    const BlockRegisters& next(uint32_t id);
    // After the chunk's last execution: throws FileError when the column holds more.
    void check_end() const;

  private:
    std::shared_ptr<const ChunkData> chunk_;
    Bytes column_;
    uint32_t left_ = 0;  // executions
    RegisterDecoder decoder_;
};

}  // namespace panda::trace
