#include "trace/memory_decoder.h"

#include "common/error.h"

namespace panda::trace {
namespace {

AccessKind kind_of(InnerKind kind) {
    switch (kind) {
        case InnerKind::fill:
            return AccessKind::fill;
        case InnerKind::table_write:
            return AccessKind::table_write;
        case InnerKind::helper_load:
            return AccessKind::helper_load;
        case InnerKind::helper_store:
        case InnerKind::register_value:
            break;
    }
    return AccessKind::helper_store;
}

// The index of the instruction that a place belongs to.
uint16_t instruction_of(uint32_t place) {
    return static_cast<uint16_t>(place == InnerEvent::before_block ? 0 : (place - 1) / 2);
}

}  // namespace

void MemoryDecoder::start(MemoryColumnBytes columns, const MemoryPlans& plans, uint32_t block_count) {
    columns_ = std::move(columns);
    plans_ = &plans;
    states_.grow(plans);
    if (states_.reset())
        stamps_.clear();
    stamps_.resize(plans.size());
    addresses_.start(columns_.addresses);
    if (columns_.values)
        values_.start(*columns_.values);
    else
        values_.predictor().reset();
    shapes_.start(columns_.shapes);
    inner_.start(columns_.inner, columns_.inner_count, block_count);
    position_ = 0;
    note_inner_position();
    address_count_ = value_count_ = 0;
    count_ = 0;
    told_ = 0;
    last_ = nullptr;
}

void MemoryDecoder::unfollowed() {
    throw Error("has a block that follows registers whose values are not told");
}

void MemoryDecoder::note_inner_position() {
    inner_position_ = inner_.valid() ? inner_.position() : ~uint64_t{0};
}

template <bool with_values>
void MemoryDecoder::decode_plain(const BlockPlan& block) {
    const PlannedOperation* operations = plans_->operations(block);
    Walk walk{states_.addresses(block), states_.values(block)};
    for (uint32_t i = 0; i < block.operations; ++i)
        decode_access<with_values>(operations[i], i, walk, accesses_[i]);
    count_ = block.operations;
    address_count_ += block.addresses;
    if (with_values)
        value_count_ += block.values;
}
template void MemoryDecoder::decode_plain<true>(const BlockPlan&);
template void MemoryDecoder::decode_plain<false>(const BlockPlan&);

inline uint64_t MemoryDecoder::decode_address(const PlannedOperation& operation, uint32_t number,
                                              Walk& walk) {
    const uint64_t address =
        operation.derived ? operation.derive(bases_[operation.base]) : addresses_.decode(*walk.address++);
    bases_.operation(number) = address;
    return address;
}

template <bool with_values>
inline void MemoryDecoder::decode_access(const PlannedOperation& operation, uint32_t number, Walk& walk,
                                         Access& access) {
    const uint64_t address = decode_address(operation, number, walk);
    access = {address,
              0,
              0,
              operation.instruction,
              operation.size,
              operation.store ? AccessKind::store : AccessKind::load};
    if (!with_values)
        return;
    if (operation.store)
        decode_store<with_values>(operation, walk, access);
    else
        values_.predictor().loaded(address);
}

template <bool with_values>
inline void MemoryDecoder::decode_store(const PlannedOperation& operation, Walk& walk, Access& access) {
    if (operation.constant_value) {
        access.value = operation.constant;
        values_.predictor().stored(access.address, operation.constant);
    } else if (operation.size == 16) {
        access.value = values_.decode(*walk.value++, access.address, 8);
        access.value_high = values_.decode(*walk.value++, access.address + 8, 8);
    } else {
        access.value = values_.decode(*walk.value++, access.address, operation.size);
    }
}

void MemoryDecoder::decode_cut(uint32_t id, uint32_t executed) {
    const BlockPlan& block = (*plans_)[id];
    states_.enter(stamps_[id], block);
    settle();
    decode_slowly(block, executed);
    shapes_.end_cut();
    last_ = nullptr;
    ++position_;
}

void MemoryDecoder::decode_slowly(const BlockPlan& block, uint32_t executed) {
    const PlannedOperation* operations = plans_->operations(block);
    uint64_t* shape = states_.shapes(block);
    Walk walk{states_.addresses(block), states_.values(block)};
    count_ = 0;
    uint64_t mask = 0;
    uint32_t conditional = 0;
    take_inner(InnerEvent::before_block);
    if (block.follows && told_ != all_told)
        unfollowed();
    for (uint32_t i = 0; i < block.operations; ++i) {
        const PlannedOperation& operation = operations[i];
        take_inner(InnerEvent::before_instruction(operation.instruction));
        bool ran = true;
        if (executed == whole) {
            if (operation.conditional) {
                if (conditional++ % 64 == 0)
                    mask = shapes_.decode(*shape++);
                ran = (mask & 1) != 0;
                mask >>= 1;
            }
        } else if (operation.is_beyond(executed)) {
            ran = false;
        } else if (operation.conditional || operation.instruction == executed) {
            ran = !operation.derived && shapes_.cut_bit();
        }
        if (!ran) {
            walk.address += operation.derived ? 0 : 1;
            walk.value += operation.value_words();
            continue;
        }
        address_count_ += operation.derived ? 0 : 1;
        if (!operation.is_access()) {
            decode_address(operation, i, walk);
        } else if (columns_.values) {
            value_count_ += operation.value_words();
            decode_access<true>(operation, i, walk, room());
        } else {
            decode_access<false>(operation, i, walk, room());
        }
    }
    take_inner(~uint32_t{0});
}

// The inner events of this execution up to this place.
void MemoryDecoder::take_inner(uint32_t place) {
    while (inner_position_ == position_ && inner_.place() <= place) {
        const InnerEvent event = inner_.take(values_.predictor().cache());
        if (event.kind == InnerKind::register_value) {
            bases_[Bases::first_register + event.size] = event.value;
            told_ |= 1u << event.size;
            note_inner_position();
            continue;
        }
        room() = {event.address, event.value,        event.value_high, instruction_of(event.place),
                  event.size,    kind_of(event.kind)};
        note_inner_position();
    }
}

Access& MemoryDecoder::room() {
    if (count_ == accesses_.size())
        accesses_.resize(2 * count_);
    return accesses_[count_++];
}

void MemoryDecoder::check_end() const {
    addresses_.check_end();
    if (columns_.values)
        values_.check_end();
    shapes_.check_end();
    if (inner_.valid())
        throw Error("has more inner events than block executions for them");
    if (address_count_ != columns_.address_count || (columns_.values && value_count_ != columns_.value_count))
        throw Error("holds another number of addresses or values than it says");
}

}  // namespace panda::trace
