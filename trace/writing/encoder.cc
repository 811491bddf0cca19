#include "trace/writing/encoder.h"

#include <utility>

#include "trace/format/schema_values.h"
#include "trace/limits.h"
#include "trace/writing/index_writer.h"

namespace panda::trace {
namespace {

constexpr size_t enough_definition_bytes = max_operation_column_bytes / 2;  // bytes, for a message

template <typename Setter>
void put_numbers(std::span<const uint32_t> numbers, Setter list) {
    for (uint32_t i = 0; i < numbers.size(); ++i)
        list.set(i, numbers[i]);
}

}  // namespace

void compress_pages(PagesWork& work, int level) {
    if (work.content.empty())
        return;
    work.columns.push_back(
        encode_column(schema::ColumnId::PAGES, schema::Coding::RAW, work.pages.size(), work.content, level));
    work.content = Bytes();
}

Encoder::Encoder(const std::string& path, const TraceHeader& header, const WriterOptions& options)
    : file_(path, options.if_exists), level_(options.compression_level) {
    MessageDraft draft(header_size(header));
    put_header(draft.root().initHeader(), header);
    write_message(draft);
}

void Encoder::write_message(MessageDraft& draft) {
    file_.write(draft.finish());
}

void Encoder::encode(Work& work) {
    std::visit([this](auto& item) { write(item); }, work);
}

// Writes one message or several, as the limits on a message ask for.
void Encoder::write(const DefinitionsWork& work) {
    uint32_t first_id = work.first_id;
    DefinitionEncoder encoder;
    for (const BlockDefinition& definition : work.definitions) {
        if (encoder.count() == max_blocks_per_message || encoder.size() >= enough_definition_bytes) {
            write_definitions(first_id, encoder);
            first_id += encoder.count();
            encoder = DefinitionEncoder();
        }
        encoder.append(definition);
    }
    write_definitions(first_id, encoder);
}

void Encoder::write_definitions(uint32_t first_id, const DefinitionEncoder& definitions) {
    const uint32_t count = definitions.count();
    std::vector<EncodedColumn> columns = {
        encode_column(schema::ColumnId::BLOCK_RECORDS, schema::Coding::DEFINITION_LIST, count,
                      definitions.records(), level_),
        encode_column(schema::ColumnId::CODE, schema::Coding::RAW, count, definitions.code(), level_)};
    if (!definitions.operations().empty())
        columns.push_back(encode_column(schema::ColumnId::MEMORY_OPERATIONS, schema::Coding::FOLLOWING_LIST,
                                        count, definitions.operations(), level_));
    if (!definitions.tcg().empty())
        columns.push_back(encode_column(schema::ColumnId::OPERATIONS, schema::Coding::BLOB_LIST, count,
                                        definitions.tcg(), level_));
    MessageDraft draft(data_size(columns));
    auto message = draft.root().initDefinitions();
    message.setFirstId(first_id);
    message.setCount(count);
    contents_.definitions.push_back({file_.offset(), first_id, count});
    draft.put_columns(message.initColumns(static_cast<uint>(columns.size())), columns);
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
    write(encode_chunk(work, level_));
}

void Encoder::write(std::future<EncodedStretch>& stretch) {
    EncodedStretch done = stretch.get();
    for (EncodedChunk& chunk : done.chunks)
        write(std::move(chunk));
}

void Encoder::write(EncodedChunk chunk) {
    chunk.entry.offset = file_.offset();
    contents_.chunks.push_back(chunk.entry);
    file_.write(chunk.message);
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

void Encoder::write(PagesWork& work) {
    compress_pages(work, level_);
    const auto& columns = work.columns;
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
