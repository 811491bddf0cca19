#include "trace/contents.h"

#include <algorithm>

namespace panda::trace {

size_t Contents::chunk_after(size_t snapshot) const {
    const auto chunk = std::partition_point(
        chunks.begin(), chunks.end(),
        [offset = snapshots[snapshot].offset](const ChunkEntry& entry) { return entry.offset < offset; });
    return static_cast<size_t>(chunk - chunks.begin());
}

size_t Contents::snapshots_before(size_t chunk) const {
    if (chunk >= chunks.size())
        return snapshots.size();
    const auto snapshot = std::partition_point(
        snapshots.begin(), snapshots.end(),
        [offset = chunks[chunk].offset](const SnapshotEntry& entry) { return entry.offset < offset; });
    return static_cast<size_t>(snapshot - snapshots.begin());
}

size_t Contents::snapshots_up_to(uint64_t instr) const {
    const auto snapshot =
        std::partition_point(snapshots.begin(), snapshots.end(),
                             [instr](const SnapshotEntry& entry) { return entry.instr <= instr; });
    return static_cast<size_t>(snapshot - snapshots.begin());
}

}  // namespace panda::trace
