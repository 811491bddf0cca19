// The registers at the start of each execution, for traces that were made with them.
#pragma once

#include <cstdint>
#include <memory>

#include "trace/coding/register_codec.h"
#include "trace/cpu_state.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Goes through a chunk together with a ChunkCursor, execution by execution; an execution takes about 40 ns.
// Reuse it for further chunks, because it has tables of up to 27 MB.
class RegisterCursor {
  public:
    // Starts a chunk. Throws FileError when the column is damaged, or when the trace was made without
    // registers.
    void start(const Chunk& chunk);
    // The registers at the start of the next execution, whole or partial. id: its block. The result is valid
    // until the next call. Throws FileError when the chunk contradicts itself, or has no more executions.
    const BlockRegisters& next(uint32_t id);
    // After the chunk's last execution: throws FileError when the column holds more.
    void check_end() const;

  private:
    std::shared_ptr<const ChunkData> chunk_;
    Bytes column_;
    uint32_t left_ = 0;  // executions to come
    RegisterDecoder decoder_;
};

}  // namespace panda::trace
