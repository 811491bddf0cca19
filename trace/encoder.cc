#include "trace/encoder.h"

#include <algorithm>
#include <array>

#include "trace/index_writer.h"
#include "trace/limits.h"
#include "trace/schema_values.h"

namespace panda::trace {
namespace {

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
    std::vector<EncodedColumn> columns = {
        encode_column(schema::ColumnId::BLOCK_RECORDS, schema::Coding::DEFINITION_LIST, count,
                      work.definitions.records(), level_),
        encode_column(schema::ColumnId::CODE, schema::Coding::RAW, count, work.definitions.code(), level_)};
    if (!work.definitions.operations().empty())
        columns.push_back(encode_column(schema::ColumnId::MEMORY_OPERATIONS, schema::Coding::OPERATION_LIST,
                                        count, work.definitions.operations(), level_));
    if (!work.definitions.tcg().empty())
        columns.push_back(encode_column(schema::ColumnId::OPERATIONS, schema::Coding::BLOB_LIST, count,
                                        work.definitions.tcg(), level_));
    MessageDraft draft(data_size(columns));
    auto definitions = draft.root().initDefinitions();
    definitions.setFirstId(work.first_id);
    definitions.setCount(count);
    contents_.definitions.push_back({file_.offset(), work.first_id, count});
    draft.put_columns(definitions.initColumns(static_cast<uint>(columns.size())), columns);
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
    for (const RawColumn& column : work.memory_columns)
        columns.push_back(encode_column(column.id, column.coding, column.records, column.bytes, level_));
    MessageDraft draft(1024 + data_size(columns) + 8 * work.address_spaces.size() +
                       8 * work.first_memory_maps.size());
    auto chunk = draft.root().initChunk();
    chunk.setFirstInstr(work.first_instr);
    chunk.setInstrCount(work.instr_count);
    chunk.setBlockCount(block_count);
    chunk.setDefinitionCount(work.definition_count);
    chunk.setEventCount(work.event_count);
    chunk.setMemory(static_cast<schema::MemoryColumns>(work.memory));
    if (work.cpu)
        put_cpu_state(chunk.initCpu(), *work.cpu);
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

void Encoder::write(const EndWork& work) {
    write_index_and_end(file_, contents_, work.instr_end);
    file_.close();
}

}  // namespace panda::trace
