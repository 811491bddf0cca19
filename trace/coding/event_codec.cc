#include "trace/coding/event_codec.h"

#include "trace/coding/event_fields.h"
#include "trace/limits.h"

namespace panda::trace {

std::vector<uint64_t>& FieldHistory::last(uint32_t kind, size_t count) {
    auto& fields = last_[kind];
    if (fields.size() < count)
        fields.resize(count);
    return fields;
}

void EventEncoder::append(const CodedEvent& event) {
    const uint32_t kind = event_kind(event.detail);
    const EventFields fields = event_fields(event.detail);
    out_.put_varint(event.position - position_);
    out_.put_varint(kind);
    out_.put_varint(zigzag_encode(event.instr_offset));
    out_.put_varint(fields.values.size() << 1 | (fields.data.empty() ? 0 : 1));
    auto& last = history_.last(kind, fields.values.size());
    for (size_t i = 0; i < fields.values.size(); ++i) {
        out_.put_varint(zigzag_encode(static_cast<int64_t>(fields.values[i] - last[i])));
        last[i] = fields.values[i];
    }
    if (!fields.data.empty()) {
        out_.put_varint(fields.data.size());
        out_.put_bytes(fields.data);
    }
    position_ = event.position;
    ++count_;
}

Bytes EventEncoder::take() {
    Bytes column = out_.take();
    *this = EventEncoder();
    return column;
}

EventDecoder::EventDecoder(std::span<const std::byte> column, uint64_t count, uint32_t block_count)
    : in_(column), remaining_(count), block_count_(block_count) {
    advance();
}

void EventDecoder::advance() {
    valid_ = remaining_ > 0;
    if (!valid_) {
        if (!in_.at_end())
            throw Error("has more events than it says");
        return;
    }
    --remaining_;
    const uint64_t step = in_.get_varint();
    if (step > block_count_ - event_.position)
        throw Error("has an event beyond its last block");
    const uint64_t kind = in_.get_varint();
    if (kind >= max_event_kinds)
        throw Error("has an event of an impossible kind");
    event_.position += static_cast<uint32_t>(step);
    event_.instr_offset = zigzag_decode(in_.get_varint());
    const uint64_t shape = in_.get_varint();
    if (shape >> 1 > max_event_fields)
        throw Error("has an event with too many fields");
    EventFields fields;
    fields.values.resize(shape >> 1);
    auto& last = history_.last(static_cast<uint32_t>(kind), fields.values.size());
    for (size_t i = 0; i < fields.values.size(); ++i) {
        last[i] += static_cast<uint64_t>(zigzag_decode(in_.get_varint()));
        fields.values[i] = last[i];
    }
    if ((shape & 1) != 0) {
        const uint64_t size = in_.get_varint();
        if (size > max_event_data)
            throw Error("has an event with too much data");
        const auto data = in_.take(size);
        fields.data.assign(data.begin(), data.end());
    }
    event_.detail = make_event(static_cast<uint32_t>(kind), std::move(fields));
}

}  // namespace panda::trace
