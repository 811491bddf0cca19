#include "trace/reading/definition_reader.h"

#include <algorithm>
#include <thread>

#include "common/shards.h"
#include "trace/coding/definition_codec.h"
#include "trace/format/schema_values.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr uint64_t max_record_bytes = 64 + 2 * uint64_t{max_block_bytes};  // the record of one definition

// Reads a column that only some traces have; empty if this one does not have it.
Bytes decode_optional(std::span<const ColumnView> columns, schema::ColumnId id, schema::Coding coding,
                      uint32_t count) {
    const ColumnView* column = find_column(columns, id);
    if (column == nullptr)
        return {};
    if (column->records != count)
        throw Error("lacks some of its block definitions");
    return decode_column(*column, coding, max_operation_column_bytes);
}

}  // namespace

void DefinitionReader::add(const MessageView& view) {
    view.parse([this](schema::Message::Reader message) {
        if (message.isDefinitions()) {
            BlockTable fresh;  // so that nothing of a damaged message is kept
            add_blocks(message.getDefinitions(), fresh, blocks_.size());
            blocks_.append(fresh);
        } else if (message.isMemoryMap()) {
            add_memory_map(message.getMemoryMap());
        }
    });
}

void DefinitionReader::add_all(std::span<const Frame> frames, const std::string& path, uint32_t total) {
    constexpr size_t shard_size = 32;  // messages, of some 100 blocks each
    const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
    while (!frames.empty()) {
        const auto batch = frames.first(std::min(frames.size(), shard_size * threads));
        frames = frames.subspan(batch.size());
        std::vector<BlockTable> tables((batch.size() + shard_size - 1) / shard_size);
        std::vector<uint32_t> first_ids(tables.size());
        run_shards(tables.size(), threads, [&](size_t shard) {
            const auto own = batch.subspan(shard * shard_size);
            for (size_t i = 0; i < std::min(own.size(), shard_size); ++i)
                MessageView(own[i], path).parse([&](schema::Message::Reader message) {
                    if (!message.isDefinitions())
                        throw Error("should define blocks, but does not");
                    if (i == 0)
                        first_ids[shard] = message.getDefinitions().getFirstId();
                    add_blocks(message.getDefinitions(), tables[shard], first_ids[shard]);
                });
        });
        for (size_t shard = 0; shard < tables.size(); ++shard) {
            MessageView::guarded_parse(batch[shard * shard_size], path, [&] {
                if (first_ids[shard] != blocks_.size())
                    throw Error("does not continue the block definitions before it");
            });
            blocks_.append(tables[shard]);
        }
        blocks_.reserve(total);
    }
}

// first_id: of the table's first block.
void DefinitionReader::add_blocks(schema::Definitions::Reader in, BlockTable& table,
                                  uint32_t first_id) const {
    const uint32_t count = in.getCount();
    if (count > max_blocks_per_message || in.getFirstId() > max_blocks - count)
        throw Error("defines more blocks than it can");
    if (in.getFirstId() + count <= first_id + table.size())
        return;
    if (in.getFirstId() != first_id + table.size())
        throw Error("does not continue the block definitions before it");
    const auto columns = read_columns(in.getColumns());
    const ColumnView* records = find_column(columns, schema::ColumnId::BLOCK_RECORDS);
    const ColumnView* code = find_column(columns, schema::ColumnId::CODE);
    if (records == nullptr || code == nullptr || records->records != count)
        throw Error("lacks some of its block definitions");
    const Bytes record_bytes =
        decode_column(*records, schema::Coding::DEFINITION_LIST, max_record_bytes * count);
    const Bytes code_bytes = decode_column(*code, schema::Coding::RAW, uint64_t{max_block_bytes} * count);
    const ColumnView* operation_column = find_column(columns, schema::ColumnId::MEMORY_OPERATIONS);
    const bool following = operation_column == nullptr ||
                           operation_column->coding != static_cast<uint16_t>(schema::Coding::OPERATION_LIST);
    const Bytes operations =
        decode_optional(columns, schema::ColumnId::MEMORY_OPERATIONS,
                        following ? schema::Coding::FOLLOWING_LIST : schema::Coding::OPERATION_LIST, count);
    const Bytes tcg =
        tcg_ ? decode_optional(columns, schema::ColumnId::OPERATIONS, schema::Coding::BLOB_LIST, count)
             : Bytes();
    decode_definitions({record_bytes, code_bytes, operations, tcg, following}, count,
                       [&](const BlockDefinition& block) { table.append(block); });
}

void DefinitionReader::add_memory_map(schema::MemoryMap::Reader in) {
    if (in.getNumber() < memory_maps_.size())
        return;
    if (in.getNumber() != memory_maps_.size() || in.getNumber() >= max_memory_maps)
        throw Error("does not continue the memory maps before it");
    memory_maps_.push_back(get_memory_map(in, header_));
}

}  // namespace panda::trace
