#include "trace/writing/chunk_encoding.h"

#include "trace/format/schema_values.h"

namespace panda::trace {
namespace {

std::vector<EncodedColumn> encode_columns(const ChunkWork& work, int level) {
    std::vector<EncodedColumn> columns;
    columns.push_back(encode_column(schema::ColumnId::BLOCKS, schema::Coding::SUCCESSORS, work.block_count,
                                    work.blocks, level));
    if (!work.cuts.empty())
        columns.push_back(encode_column(schema::ColumnId::CUTS, schema::Coding::CUT_LIST, work.cuts.size(),
                                        encode_cuts(work.cuts), level));
    if (work.event_count > 0)
        columns.push_back(encode_column(schema::ColumnId::EVENTS, schema::Coding::EVENT_LIST,
                                        work.event_count, work.events, level));
    for (const RawColumn& column : work.more_columns)
        columns.push_back(encode_column(column.id, column.coding, column.records, column.bytes, level));
    return columns;
}

}  // namespace

size_t data_size(std::span<const EncodedColumn> columns) {
    size_t size = 0;
    for (const EncodedColumn& column : columns)
        size += sizeof(capnp::word) * 16 + column.data.size();
    return size;
}

EncodedChunk encode_chunk(const ChunkWork& work, int level) {
    const std::vector<EncodedColumn> columns = encode_columns(work, level);
    MessageDraft draft(1024 + data_size(columns) + 8 * work.address_spaces.size() +
                       8 * work.first_memory_maps.size());
    auto chunk = draft.root().initChunk();
    chunk.setFirstInstr(work.first_instr);
    chunk.setInstrCount(work.instr_count);
    chunk.setBlockCount(work.block_count);
    chunk.setDefinitionCount(work.definition_count);
    chunk.setEventCount(work.event_count);
    chunk.setMemory(static_cast<schema::MemoryColumns>(work.memory));
    if (work.cpu)
        put_cpu_state(chunk.initCpu(), *work.cpu);
    auto spaces = chunk.initAddressSpaces(static_cast<uint>(work.address_spaces.size()));
    for (uint32_t i = 0; i < spaces.size(); ++i)
        spaces.set(i, work.address_spaces[i]);
    chunk.setAddressSpacesComplete(work.address_spaces_complete);
    auto maps = chunk.initFirstMemoryMaps(static_cast<uint>(work.first_memory_maps.size()));
    for (uint32_t i = 0; i < maps.size(); ++i)
        maps.set(i, work.first_memory_maps[i]);
    draft.put_columns(chunk.initColumns(static_cast<uint>(columns.size())), columns);
    return {{0, work.first_instr, work.instr_count, work.block_count, work.event_count}, draft.finish()};
}

}  // namespace panda::trace
