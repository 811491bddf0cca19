// Where things are in a trace: what the index holds, and what a scan finds when there is none.
#pragma once

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

struct Contents {
    std::vector<ChunkEntry> chunks;             // by ascending first_instr
    std::vector<DefinitionsEntry> definitions;  // by ascending first_id, without holes
    std::vector<uint64_t> memory_maps;          // offsets, by number
    std::vector<SnapshotEntry> snapshots;       // by number; whole ones only

    bool operator==(const Contents&) const = default;
};

}  // namespace panda::trace
