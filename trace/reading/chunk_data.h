// What copies of a Chunk share, for those who read its columns. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trace/format/message.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// The columns point into the frame.
struct ChunkData {
    Frame frame;
    std::string path;
    ChunkSummary summary;
    std::vector<ColumnView> columns;

    // What the function throws as Error becomes a FileError that says where the chunk is.
    template <typename Function>
    auto guarded(Function&& function) const {
        return MessageView::guarded_parse(frame, path, std::forward<Function>(function));
    }
};

// A column's bytes, decompressed, or none if the chunk does not have it; `expected` records if it is known.
// Throws Error when it is damaged.
Bytes load_column(const ChunkData& chunk, schema::ColumnId id, schema::Coding coding, uint64_t max_bytes,
                  std::optional<uint64_t> expected);

}  // namespace panda::trace
