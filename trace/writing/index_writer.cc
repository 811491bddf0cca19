#include "trace/writing/index_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "trace/format/message.h"
#include "trace/format/schema_values.h"

namespace panda::trace {
namespace {

constexpr size_t index_part_entries = 1u << 18;  // chunks in one Index message: at most 12 MiB

// Writes one Index message: chunks from first_chunk on, as many as fit, and in the first part everything
// else. Returns the message's offset.
uint64_t write_index_part(OutputFile& file, const Contents& contents, size_t first_chunk, bool first) {
    const auto chunks = std::span(contents.chunks)
                            .subspan(first_chunk)
                            .first(std::min(index_part_entries, contents.chunks.size() - first_chunk));
    const Contents none;
    const Contents& rest = first ? contents : none;
    MessageDraft draft(48 * chunks.size() + 32 * rest.definitions.size() + 32 * rest.snapshots.size() +
                       8 * rest.memory_maps.size());
    auto index = draft.root().initIndex();
    auto chunk_list = index.initChunks(static_cast<uint>(chunks.size()));
    for (uint32_t i = 0; i < chunks.size(); ++i) {
        chunk_list[i].setOffset(chunks[i].offset);
        chunk_list[i].setFirstInstr(chunks[i].first_instr);
        chunk_list[i].setInstrCount(chunks[i].instr_count);
        chunk_list[i].setBlockCount(chunks[i].block_count);
        chunk_list[i].setEventCount(chunks[i].event_count);
    }
    auto definition_list = index.initDefinitions(static_cast<uint>(rest.definitions.size()));
    for (uint32_t i = 0; i < definition_list.size(); ++i) {
        definition_list[i].setOffset(rest.definitions[i].offset);
        definition_list[i].setFirstId(rest.definitions[i].first_id);
        definition_list[i].setCount(rest.definitions[i].count);
    }
    auto map_list = index.initMemoryMaps(static_cast<uint>(rest.memory_maps.size()));
    for (uint32_t i = 0; i < map_list.size(); ++i)
        map_list.set(i, rest.memory_maps[i]);
    auto snapshot_list = index.initSnapshots(static_cast<uint>(rest.snapshots.size()));
    for (uint32_t i = 0; i < snapshot_list.size(); ++i) {
        snapshot_list[i].setOffset(rest.snapshots[i].offset);
        snapshot_list[i].setInstr(rest.snapshots[i].instr);
        snapshot_list[i].setKind(put_snapshot_kind(rest.snapshots[i].kind));
    }
    const uint64_t offset = file.offset();
    file.write(draft.finish());
    return offset;
}

}  // namespace

void write_index_and_end(OutputFile& file, const Contents& contents, uint64_t instr_end) {
    std::vector<uint64_t> parts;
    size_t chunk = 0;
    do {
        parts.push_back(write_index_part(file, contents, chunk, chunk == 0));
        chunk += index_part_entries;
    } while (chunk < contents.chunks.size());
    MessageDraft draft(8 * parts.size() + 16);
    auto end = draft.root().initEnd();
    end.setInstrEnd(instr_end);
    auto indexes = end.initIndexes(static_cast<uint>(parts.size()));
    for (uint32_t i = 0; i < parts.size(); ++i)
        indexes.set(i, parts[i]);
    draft.end_checked_part();
    const std::array<uint64_t, 2> locator = {file.offset(), end_magic};
    std::memcpy(end.initLocator(sizeof(locator)).begin(), locator.data(), sizeof(locator));
    file.write(draft.finish());
}

}  // namespace panda::trace
