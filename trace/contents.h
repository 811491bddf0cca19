// Where things are in a trace. The index holds this; a scan finds it when there is no index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trace/types.h"

namespace panda::trace {

struct ChunkEntry {
    uint64_t offset = 0;  // of the message in the file
    uint64_t first_instr = 0;
    uint64_t instr_count = 0;
    uint32_t block_count = 0;  // executions
    uint32_t event_count = 0;

    bool operator==(const ChunkEntry&) const = default;
};

struct DefinitionsEntry {
    uint64_t offset = 0;
    uint32_t first_id = 0;
    uint32_t count = 0;

    bool operator==(const DefinitionsEntry&) const = default;
};

struct SnapshotEntry {
    uint64_t offset = 0;
    uint64_t instr = 0;
    SnapshotKind kind = SnapshotKind::full;

    bool operator==(const SnapshotEntry&) const = default;
};

// Offsets ascend with the numbers in each list, and so do instructions.
struct Contents {
    std::vector<ChunkEntry> chunks;             // by ascending first_instr
    std::vector<DefinitionsEntry> definitions;  // by ascending first_id, without holes
    std::vector<uint64_t> memory_maps;          // offsets, by number
    std::vector<SnapshotEntry> snapshots;       // by number; whole ones only

    // The number of the first chunk behind a snapshot (chunks.size() if none follows). snapshot: its number.
    size_t chunk_after(size_t snapshot) const;
    // How many snapshots stand before a chunk in the file; all of them for chunks.size(). chunk: its number.
    // Memory at the chunk's start follows from the last of these snapshots.
    size_t snapshots_before(size_t chunk) const;
    // How many snapshots were made at `instr` or earlier.
    size_t snapshots_up_to(uint64_t instr) const;

    bool operator==(const Contents&) const = default;
};

}  // namespace panda::trace
