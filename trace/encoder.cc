#include "trace/encoder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "trace/limits.h"
#include "trace/schema_values.h"

namespace panda::trace {
namespace {

constexpr size_t index_part_entries = 1u << 18;  // chunks in one Index message: at most 12 MiB

template <typename Setter>
void put_numbers(std::span<const uint32_t> numbers, Setter list) {
    for (uint32_t i = 0; i < numbers.size(); ++i)
        list.set(i, numbers[i]);
}

size_t data_size(std::span<const EncodedColumn> columns) {
    size_t size = 0;
    for (const EncodedColumn& column : columns)
        size += sizeof(capnp::word) * 16 + column.data.size();
    return size;
}

}  // namespace

Encoder::Encoder(const std::string& path, const TraceHeader& header, const WriterOptions& options)
    : file_(path, options.if_exists), level_(options.compression_level) {
    MessageDraft draft(header_size(header));
    put_header(draft.root().initHeader(), header);
    write_message(draft);
}

void Encoder::write_message(MessageDraft& draft) {
    file_.write(draft.finish());
}

void Encoder::encode(const Work& work) {
    std::visit([this](const auto& item) { write(item); }, work);
}

void Encoder::write(const DefinitionsWork& work) {
    const uint32_t count = work.definitions.count();
    const std::array columns = {
        encode_column(schema::ColumnId::BLOCK_RECORDS, schema::Coding::DEFINITION_LIST, count,
                      work.definitions.records(), level_),
        encode_column(schema::ColumnId::CODE, schema::Coding::RAW, count, work.definitions.code(), level_)};
    MessageDraft draft(data_size(columns));
    auto definitions = draft.root().initDefinitions();
    definitions.setFirstId(work.first_id);
    definitions.setCount(count);
    contents_.definitions.push_back({file_.offset(), work.first_id, count});
    draft.put_columns(definitions.initColumns(columns.size()), columns);
    write_message(draft);
}

void Encoder::write(const MemoryMapWork& work) {
    MessageDraft draft(work.map.ranges.size() * sizeof(MappedRange) * 2);
    auto map = draft.root().initMemoryMap();
    map.setNumber(work.number);
    put_memory_map(map, work.map);
    contents_.memory_maps.push_back(file_.offset());
    write_message(draft);
}

void Encoder::write(const ChunkWork& work) {
    const auto block_count = static_cast<uint32_t>(work.blocks.size());
    std::vector<EncodedColumn> columns;
    columns.push_back(encode_column(schema::ColumnId::BLOCKS, schema::Coding::SUCCESSORS, block_count,
                                    block_encoder_.encode(work.blocks, work.definition_count), level_));
    if (!work.cuts.empty())
        columns.push_back(encode_column(schema::ColumnId::CUTS, schema::Coding::CUT_LIST, work.cuts.size(),
                                        encode_cuts(work.cuts), level_));
    if (work.event_count > 0)
        columns.push_back(encode_column(schema::ColumnId::EVENTS, schema::Coding::EVENT_LIST,
                                        work.event_count, work.events, level_));
    MessageDraft draft(data_size(columns) + 8 * work.address_spaces.size() +
                       8 * work.first_memory_maps.size());
    auto chunk = draft.root().initChunk();
    chunk.setFirstInstr(work.first_instr);
    chunk.setInstrCount(work.instr_count);
    chunk.setBlockCount(block_count);
    chunk.setDefinitionCount(work.definition_count);
    chunk.setEventCount(work.event_count);
    auto spaces = chunk.initAddressSpaces(static_cast<uint>(work.address_spaces.size()));
    for (uint32_t i = 0; i < spaces.size(); ++i)
        spaces.set(i, work.address_spaces[i]);
    chunk.setAddressSpacesComplete(work.address_spaces_complete);
    put_numbers(work.first_memory_maps,
                chunk.initFirstMemoryMaps(static_cast<uint>(work.first_memory_maps.size())));
    contents_.chunks.push_back(
        {file_.offset(), work.first_instr, work.instr_count, block_count, work.event_count});
    draft.put_columns(chunk.initColumns(static_cast<uint>(columns.size())), columns);
    write_message(draft);
}

void Encoder::write(const SnapshotWork& work) {
    MessageDraft draft(1024 + 8 * work.memory_maps.size());
    auto snapshot = draft.root().initSnapshot();
    snapshot.setNumber(work.number);
    snapshot.setInstr(work.instr);
    snapshot.setKind(put_snapshot_kind(work.kind));
    put_cpu_state(snapshot.initCpu(), work.cpu);
    put_numbers(work.memory_maps, snapshot.initMemoryMaps(static_cast<uint>(work.memory_maps.size())));
    contents_.snapshots.push_back({file_.offset(), work.instr, work.kind});
    write_message(draft);
}

void Encoder::write(const PagesWork& work) {
    std::vector<EncodedColumn> columns;
    if (!work.pages.empty())
        columns.push_back(encode_column(schema::ColumnId::PAGES, schema::Coding::RAW, work.pages.size(),
                                        work.content, level_));
    MessageDraft draft(data_size(columns) + 8 * (work.pages.size() + work.zero_pages.size()));
    auto pages = draft.root().initPages();
    pages.setSnapshot(work.snapshot);
    pages.setBlock(work.block);
    put_numbers(work.pages, pages.initPages(static_cast<uint>(work.pages.size())));
    put_numbers(work.zero_pages, pages.initZeroPages(static_cast<uint>(work.zero_pages.size())));
    draft.put_columns(pages.initContent(static_cast<uint>(columns.size())), columns);
    write_message(draft);
}

void Encoder::write(const SnapshotEndWork& work) {
    MessageDraft draft(0);
    auto end = draft.root().initSnapshotEnd();
    end.setSnapshot(work.snapshot);
    end.setPageCount(work.page_count);
    end.setMessageCount(work.message_count);
    write_message(draft);
}

// Writes the chunks from first_chunk on, as many as fit, and with the first part everything else. Returns the
// message's offset.
uint64_t Encoder::write_index_part(size_t first_chunk, bool first) {
    const auto chunks = std::span(contents_.chunks)
                            .subspan(first_chunk)
                            .first(std::min(index_part_entries, contents_.chunks.size() - first_chunk));
    const Contents none;
    const Contents& rest = first ? contents_ : none;
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
    const uint64_t offset = file_.offset();
    write_message(draft);
    return offset;
}

void Encoder::write(const EndWork& work) {
    std::vector<uint64_t> parts;
    size_t chunk = 0;
    do {
        parts.push_back(write_index_part(chunk, chunk == 0));
        chunk += index_part_entries;
    } while (chunk < contents_.chunks.size());
    MessageDraft draft(8 * parts.size() + 16);
    auto end = draft.root().initEnd();
    end.setInstrEnd(work.instr_end);
    auto indexes = end.initIndexes(static_cast<uint>(parts.size()));
    for (uint32_t i = 0; i < parts.size(); ++i)
        indexes.set(i, parts[i]);
    draft.end_checked_part();
    const std::array<uint64_t, 2> locator = {file_.offset(), end_magic};
    std::memcpy(end.initLocator(sizeof(locator)).begin(), locator.data(), sizeof(locator));
    write_message(draft);
    file_.close();
}

}  // namespace panda::trace
