#include "trace/coding/inner_codec.h"

#include <bit>
#include <utility>

#include "common/error.h"
#include "trace/coding/memory_plan.h"
#include "trace/coding/streams.h"
#include "trace/coding/value_codec.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr uint32_t last_place = InnerEvent::after_instruction(max_block_instructions - 1);
constexpr uint64_t page_mask = page_size - 1;
constexpr unsigned page_bits = 12;
constexpr unsigned register_tag = 0xf0;  // + register; the tags of fills and accesses are lower

uint64_t signed_step(uint64_t value, uint64_t from) {
    return zigzag_encode(static_cast<int64_t>(value - from));
}

// Reads the next number of `in`, which is written as a step from `from`.
uint64_t read_step(ByteReader& in, uint64_t from) {
    return from + static_cast<uint64_t>(zigzag_decode(in.get_varint()));
}

bool has_value(InnerKind kind) {
    return kind == InnerKind::helper_store || kind == InnerKind::table_write;
}

}  // namespace

void check_inner_event(const InnerEvent& event) {
    if (event.place > last_place || event.kind > InnerKind::register_value)
        throw Error("an inner event has an impossible kind, or an impossible place in its block");
    if (event.kind == InnerKind::fill) {
        if ((event.address & page_mask) != 0 || (event.value & page_mask) >= max_physical_address_spaces)
            throw Error("a fill is not of whole pages");
    } else if (event.kind == InnerKind::register_value) {
        if (event.size >= followed_registers || event.place != InnerEvent::before_block)
            throw Error("a register is not followed, or its value is not for the start of a block");
    } else if (!std::has_single_bit(event.size) || event.size > 16) {
        throw Error("an inner event has an impossible size");
    }
}

void InnerEncoder::append(uint32_t position, const InnerEvent& event, ValueCache& cache) {
    heads_.put_varint(position - position_);
    heads_.put_varint(position == position_ ? event.place - place_ : event.place);
    if (event.kind == InnerKind::fill)
        put_fill(event);
    else if (event.kind == InnerKind::register_value)
        put_register(event);
    else
        put_access(event, cache);
    position_ = position;
    place_ = event.place;
    ++count_;
}

void InnerEncoder::put_fill(const InnerEvent& event) {
    const uint64_t page = event.address >> page_bits;
    const uint64_t distance = (event.value >> page_bits) - page;
    heads_.put(static_cast<uint8_t>(static_cast<uint64_t>(event.kind) | (event.value & page_mask) << 2));
    fills_.put_varint(signed_step(page, std::exchange(history_.page, page)));
    fills_.put_varint(signed_step(distance, std::exchange(history_.distance, distance)));
}

void InnerEncoder::put_register(const InnerEvent& event) {
    heads_.put(static_cast<uint8_t>(register_tag | event.size));
    values_.put_varint(signed_step(event.value, std::exchange(history_.registers[event.size], event.value)));
}

void InnerEncoder::put_access(const InnerEvent& event, ValueCache& cache) {
    heads_.put(static_cast<uint8_t>(static_cast<unsigned>(event.kind) |
                                    static_cast<unsigned>(std::countr_zero(event.size)) << 2));
    uint64_t& last = history_.addresses[static_cast<size_t>(event.kind)];
    addresses_.put_varint(signed_step(event.address, std::exchange(last, event.address)));
    const uint64_t value = event.value & size_mask(event.size);
    if (event.kind == InnerKind::table_write)
        values_.put_varint(signed_step(value, std::exchange(history_.table_value, value)));
    if (event.kind == InnerKind::helper_store) {
        values_.put_varint(signed_step(value, std::exchange(cache[event.address], value)));
        if (event.size == 16)
            values_.put_varint(
                signed_step(event.value_high, std::exchange(cache[event.address + 8], event.value_high)));
    }
}

Bytes InnerEncoder::take() {
    const Bytes column =
        join_streams(std::array{heads_.bytes(), fills_.bytes(), addresses_.bytes(), values_.bytes()});
    *this = InnerEncoder();
    return column;
}

void InnerDecoder::start(std::span<const std::byte> column, uint64_t count, uint32_t block_count) {
    if (count > max_chunk_inner_events)
        throw Error("has more inner events than a chunk can");
    *this = InnerDecoder();
    const auto streams = split_streams<4>(column);
    heads_ = ByteReader(streams[0]);
    fills_ = ByteReader(streams[1]);
    addresses_ = ByteReader(streams[2]);
    values_ = ByteReader(streams[3]);
    remaining_ = count;
    block_count_ = block_count;
    read_head();
}

void InnerDecoder::read_head() {
    valid_ = remaining_ > 0;
    if (!valid_) {
        if (!heads_.at_end() || !fills_.at_end() || !addresses_.at_end() || !values_.at_end())
            throw Error("has more inner events than it says");
        return;
    }
    --remaining_;
    const uint64_t step = heads_.get_varint();
    if (position_ >= block_count_ || step >= block_count_ - position_)
        throw Error("has an inner event beyond its last block");
    if (step > 0)
        place_ = 0;
    position_ += static_cast<uint32_t>(step);
    const uint64_t place_step = heads_.get_varint();
    if (place_step > last_place - place_)
        throw Error("has an inner event at an impossible place in its block");
    place_ += static_cast<uint32_t>(place_step);
    tag_ = heads_.get<uint8_t>();
}

InnerEvent InnerDecoder::take(ValueCache& cache) {
    InnerEvent event;
    event.place = place_;
    event.kind = tag_ >= register_tag ? InnerKind::register_value : static_cast<InnerKind>(tag_ & 3);
    if (event.kind == InnerKind::register_value)
        read_register(event);
    else if (event.kind == InnerKind::fill)
        read_fill(event);
    else
        read_access(event, cache);
    read_head();
    return event;
}

void InnerDecoder::read_fill(InnerEvent& event) {
    history_.page = read_step(fills_, history_.page);
    history_.distance = read_step(fills_, history_.distance);
    const uint64_t frame = history_.page + history_.distance;
    const uint64_t limit = uint64_t{1} << (64 - page_bits);
    const unsigned address_space = tag_ >> 2;
    if (history_.page >= limit || frame >= limit || address_space >= max_physical_address_spaces)
        throw Error("has a fill that leads to an impossible place");
    event.size = 0;
    event.address = history_.page << page_bits;
    event.value = frame << page_bits | address_space;
}

void InnerDecoder::read_register(InnerEvent& event) {
    event.size = tag_ & (register_tag ^ 0xff);
    if (event.size >= followed_registers || event.place != InnerEvent::before_block)
        throw Error(
            "has a value of a register that is not followed, or that is not for the start of a block");
    event.value = history_.registers[event.size] = read_step(values_, history_.registers[event.size]);
}

void InnerDecoder::read_access(InnerEvent& event, ValueCache& cache) {
    const unsigned size_bits = tag_ >> 2;
    if (size_bits > 4)
        throw Error("has an inner event of an impossible size");
    event.size = static_cast<uint8_t>(1u << size_bits);
    uint64_t& last = history_.addresses[static_cast<size_t>(event.kind)];
    event.address = last = read_step(addresses_, last);
    if (!has_value(event.kind))
        return;
    uint64_t& expected = event.kind == InnerKind::table_write ? history_.table_value : cache[event.address];
    event.value = expected = read_step(values_, expected) & size_mask(event.size);
    if (event.size == 16 && event.kind == InnerKind::helper_store) {
        uint64_t& expected_high = cache[event.address + 8];
        event.value_high = expected_high = read_step(values_, expected_high);
    }
}

}  // namespace panda::trace
