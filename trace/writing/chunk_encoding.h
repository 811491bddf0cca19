// Makes a chunk into a message. Internal.
#pragma once

#include "trace/contents.h"
#include "trace/format/message.h"
#include "trace/writing/chunk_builder.h"

namespace panda::trace {

// A chunk that is ready to be written, at any place in any file.
struct EncodedChunk {
    ChunkEntry entry;  // without the offset
    Bytes message;
};

// How many bytes the columns need in a message, at most.
size_t data_size(std::span<const EncodedColumn> columns);

// Compresses all columns and makes the message. level: zstd's.
EncodedChunk encode_chunk(const ChunkWork& work, int level);

}  // namespace panda::trace
