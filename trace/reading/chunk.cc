#include "trace/reading/chunk.h"

#include <algorithm>

#include "trace/coding/inner_codec.h"
#include "trace/coding/page_codec.h"
#include "trace/coding/value_codec.h"
#include "trace/format/schema_values.h"
#include "trace/limits.h"
#include "trace/reading/chunk_data.h"

namespace panda::trace {

namespace {

constexpr uint64_t max_bytes_per_block = 24;  // in the block column: a long symbol and a literal

const char* column_name(uint16_t id) {
    static constexpr std::array names = {"blocks", "cuts",      "events", "shapes",    "addresses",
                                         "values", "registers", "inner",  "transfers", "pages written"};
    if (static_cast<schema::ColumnId>(id) == schema::ColumnId::TRANSLATIONS)
        return "translations";
    return id < names.size() ? names[id] : nullptr;
}

ChunkSummary read_summary(schema::Chunk::Reader chunk) {
    ChunkSummary summary;
    summary.first_instr = chunk.getFirstInstr();
    summary.instr_count = chunk.getInstrCount();
    summary.block_count = chunk.getBlockCount();
    summary.event_count = chunk.getEventCount();
    summary.definition_count = chunk.getDefinitionCount();
    summary.address_spaces_complete = chunk.getAddressSpacesComplete();
    if (summary.block_count > max_chunk_blocks || summary.event_count > max_chunk_events ||
        summary.definition_count > max_blocks)
        throw Error("says that it holds more than a chunk can");
    if (chunk.getAddressSpaces().size() > max_chunk_address_spaces ||
        chunk.getFirstMemoryMaps().size() > max_physical_address_spaces)
        throw Error("lists more address spaces than a chunk can");
    if (chunk.getMemory() > schema::MemoryColumns::VALUES)
        throw Error("describes memory in a way that this version does not know");
    summary.memory = static_cast<MemoryColumns>(chunk.getMemory());
    if (chunk.hasCpu() && !chunk.getCpu().isNone())
        summary.cpu = get_cpu_state(chunk.getCpu());
    for (const uint64_t cr3 : chunk.getAddressSpaces())
        summary.address_spaces.push_back(cr3);
    for (const uint32_t map : chunk.getFirstMemoryMaps())
        summary.first_memory_maps.push_back(map);
    return summary;
}

}  // namespace

Bytes load_column(const ChunkData& chunk, schema::ColumnId id, schema::Coding coding, uint64_t max_bytes,
                  std::optional<uint64_t> expected) {
    const ColumnView* column = find_column(chunk.columns, id);
    if ((column == nullptr ? 0 : column->records) !=
        expected.value_or(column == nullptr ? 0 : column->records))
        throw Error("does not hold as many blocks or events as it says");
    return column == nullptr ? Bytes() : decode_column(*column, coding, max_bytes);
}

Chunk::Chunk(const MessageView& view, const std::string& path) {
    auto data = std::make_shared<ChunkData>();
    data->frame = view.frame();
    data->path = path;
    view.parse([&](schema::Message::Reader message) {
        data->summary = read_summary(message.getChunk());
        data->columns = read_columns(message.getChunk().getColumns());
        data->summary.registers = find_column(data->columns, schema::ColumnId::REGISTERS) != nullptr;
    });
    data_ = std::move(data);
}

const ChunkSummary& Chunk::summary() const {
    return data_->summary;
}

std::vector<ColumnSize> Chunk::columns() const {
    std::vector<ColumnSize> sizes;
    for (const ColumnView& column : data_->columns) {
        const char* name = column_name(column.id);
        sizes.push_back({name != nullptr ? name : "column " + std::to_string(column.id), column.records,
                         column.raw_size, column.data.size()});
    }
    return sizes;
}

void Chunk::for_each_event(const std::function<void(const EventDetail&)>& take) const {
    data_->guarded([&] {
        const ChunkSummary& summary = data_->summary;
        const Bytes column = load_column(*data_, schema::ColumnId::EVENTS, schema::Coding::EVENT_LIST,
                                         max_column_bytes, summary.event_count);
        EventDecoder events(column, summary.event_count, summary.block_count);
        for (; events.valid(); events.advance())
            take(events.event().detail);
    });
}

std::map<uint32_t, uint64_t> Chunk::count_events() const {
    std::map<uint32_t, uint64_t> counts;
    for_each_event([&](const EventDetail& detail) { ++counts[event_kind(detail)]; });
    return counts;
}

std::vector<Translation> Chunk::translations() const {
    return data_->guarded([this] {
        const ColumnView* column = find_column(data_->columns, schema::ColumnId::TRANSLATIONS);
        if (column == nullptr)
            return std::vector<Translation>();
        return decode_translations(decode_column(*column, schema::Coding::TRANSLATION_LIST, max_column_bytes),
                                   column->records);
    });
}

std::vector<Translation> Chunk::fills() const {
    return data_->guarded([this] {
        std::vector<Translation> fills;
        const ColumnView* column = find_column(data_->columns, schema::ColumnId::INNER);
        if (column == nullptr)
            return fills;
        const Bytes bytes = decode_column(*column, schema::Coding::INNER_LIST, max_column_bytes);
        ValueCache cache;  // what helpers store does not matter here
        InnerDecoder decoder;
        decoder.start(bytes, column->records, data_->summary.block_count);
        while (decoder.valid()) {
            const InnerEvent event = decoder.take(cache);
            if (event.kind == InnerKind::fill)
                fills.push_back(fill_translation(event.address, event.value));
        }
        return fills;
    });
}

std::optional<WrittenPages> Chunk::pages_written() const {
    return data_->guarded([this]() -> std::optional<WrittenPages> {
        const ColumnView* column = find_column(data_->columns, schema::ColumnId::PAGES_WRITTEN);
        if (column == nullptr)
            return std::nullopt;
        return decode_written_pages(decode_column(*column, schema::Coding::PAGE_LIST, max_column_bytes),
                                    column->records);
    });
}

uint64_t Chunk::file_bytes() const {
    return data_->frame.bytes.size();
}

ChunkCursor::ChunkCursor(const BlockTable& blocks) : blocks_(blocks) {}

void ChunkCursor::start(const Chunk& chunk, CursorColumns columns) {
    chunk_ = chunk.data_;
    with_memory_ = columns != CursorColumns::blocks;
    const ChunkSummary& summary = chunk_->summary;
    chunk_->guarded([&] {
        if (summary.definition_count > blocks_.size())
            throw Error("needs blocks that are not defined before it");
        const uint64_t max_block_bytes = max_bytes_per_block * (uint64_t{summary.block_count} + 1);
        block_column_ = load_column(*chunk_, schema::ColumnId::BLOCKS, schema::Coding::SUCCESSORS,
                                    max_block_bytes, summary.block_count);
        event_column_ = load_column(*chunk_, schema::ColumnId::EVENTS, schema::Coding::EVENT_LIST,
                                    max_column_bytes, summary.event_count);
        const Bytes cuts = load_column(*chunk_, schema::ColumnId::CUTS, schema::Coding::CUT_LIST,
                                       max_block_bytes, std::nullopt);
        const ColumnView* cut_column = find_column(chunk_->columns, schema::ColumnId::CUTS);
        cuts_ = decode_cuts(cuts, cut_column == nullptr ? 0 : cut_column->records, summary.block_count);
        decoder_.start(block_column_, summary.block_count, summary.definition_count);
        events_.emplace(event_column_, summary.event_count, summary.block_count);
        if (with_memory_)
            start_memory(columns == CursorColumns::memory);
    });
    next_cut_ = 0;
    batch_position_ = batch_end_ = 0;
    position_ = 0;
    instr_ = summary.first_instr;
    set_stop();
}

void ChunkCursor::start_memory(bool with_values) {
    if (chunk_->summary.memory == MemoryColumns::none)
        throw Error("holds no memory accesses: the trace was made without them");
    if (!memory_)
        memory_ = std::make_unique<MemoryDecoder>();
    MemoryColumnBytes bytes;
    const auto load = [this](schema::ColumnId id, schema::Coding coding) {
        return load_column(*chunk_, id, coding, max_column_bytes, std::nullopt);
    };
    const auto records = [this](schema::ColumnId id) {
        const ColumnView* column = find_column(chunk_->columns, id);
        return column == nullptr ? 0 : column->records;
    };
    bytes.shapes = load(schema::ColumnId::SHAPES, schema::Coding::SHAPE_LIST);
    bytes.addresses = load(schema::ColumnId::ADDRESSES, schema::Coding::ADDRESS_PREDICTIONS);
    bytes.address_count = records(schema::ColumnId::ADDRESSES);
    bytes.helper_values = with_values;
    if (with_values && chunk_->summary.memory == MemoryColumns::values) {
        bytes.values = load(schema::ColumnId::VALUES, schema::Coding::VALUE_PREDICTIONS);
        bytes.value_count = records(schema::ColumnId::VALUES);
    }
    bytes.inner = load(schema::ColumnId::INNER, schema::Coding::INNER_LIST);
    bytes.inner_count = records(schema::ColumnId::INNER);
    memory_->start(std::move(bytes), blocks_.memory_plans(), chunk_->summary.block_count);
    group_position_ = group_end_ = 0;
}

// Decodes the memory accesses of whole executions, from number `first` in the batch on, at most up to stop_.
void ChunkCursor::decode_group(uint32_t first) {
    const uint32_t count = batch_position_ + (stop_ - position_) - first;
    chunk_->guarded([&] {
        group_end_ = static_cast<uint32_t>(memory_->decode(std::span(batch_).subspan(first, count)));
    });
    group_position_ = 0;
}

// Finds where something other than a whole execution of the batch comes: an event, a cut, or the batch's end.
void ChunkCursor::set_stop() {
    stop_ = position_ + (batch_end_ - batch_position_);
    if (events_->valid())
        stop_ = std::min(stop_, events_->event().position);
    if (next_cut_ < cuts_.size())
        stop_ = std::min(stop_, cuts_[next_cut_].position);
}

ChunkCursor::Step ChunkCursor::slow_next() {
    return chunk_->guarded([this] { return next_at_stop(); });
}

ChunkCursor::Step ChunkCursor::next_at_stop() {
    const ChunkSummary& summary = chunk_->summary;
    if (events_->valid() && events_->event().position == position_)
        return take_event();
    if (position_ == summary.block_count) {
        if (instr_ - summary.first_instr != summary.instr_count)
            throw Error("does not hold as many instructions as it says");
        if (with_memory_)
            memory_->check_end();
        return Step::end;
    }
    if (batch_position_ == batch_end_) {
        batch_position_ = 0;
        batch_end_ = static_cast<uint32_t>(decoder_.decode(batch_));
    }
    const uint32_t instructions = blocks_.instruction_count(batch_[batch_position_]);
    uint32_t executed = instructions;
    if (next_cut_ < cuts_.size() && cuts_[next_cut_].position == position_) {
        executed = cuts_[next_cut_++].executed;
        if (executed >= instructions)
            throw Error("cuts a block after its end");
    }
    take_block(executed);
    set_stop();
    if (with_memory_ && executed < instructions) {
        memory_->decode_cut(block_.id, executed);
        group_position_ = group_end_ = 1;
    } else if (with_memory_) {
        take_accesses();
    }
    return Step::block;
}

ChunkCursor::Step ChunkCursor::take_event() {
    const CodedEvent& coded = events_->event();
    event_.instr = instr_ + static_cast<uint64_t>(coded.instr_offset);
    event_.detail = coded.detail;
    if (const auto* gap = std::get_if<Gap>(&event_.detail))
        instr_ += gap->instructions;
    events_->advance();
    set_stop();
    return Step::event;
}

}  // namespace panda::trace
