// What copies of a Chunk share, for the code that reads its columns. Internal.
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

    // Calls function() and returns what it returns. An Error becomes a FileError that says where the chunk
    // is.
    template <typename Function>
    auto guarded(Function&& function) const {
        return MessageView::guarded_parse(frame, path, std::forward<Function>(function));
    }
};

// Decompresses a column; returns no bytes if the chunk does not have it. expected: how many records it must
// have, if that is known (0 if the chunk does not have it). Throws Error when that is not so, or for damage.
Bytes load_column(const ChunkData& chunk, schema::ColumnId id, schema::Coding coding, uint64_t max_bytes,
                  std::optional<uint64_t> expected);

}  // namespace panda::trace
