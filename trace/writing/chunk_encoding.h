// A chunk as a message. Internal.
#pragma once

#include "trace/contents.h"
#include "trace/format/message.h"
#include "trace/writing/chunk_builder.h"

namespace panda::trace {

// Ready to be written; it says nothing of where in a file it stands.
struct EncodedChunk {
    ChunkEntry entry;  // without its offset
    Bytes message;
};

// Bytes that columns need in a message, at most.
size_t data_size(std::span<const EncodedColumn> columns);

// Compresses all columns. level: zstd's.
EncodedChunk encode_chunk(const ChunkWork& work, int level);

}  // namespace panda::trace
