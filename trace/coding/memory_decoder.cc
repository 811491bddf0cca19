#include "trace/coding/memory_decoder.h"

#include <algorithm>

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

void MemoryDecoder::copy_plans(const MemoryPlans& plans) {
    if (plans_ != &plans)
        blocks_.clear();
    plans_ = &plans;
    for (uint32_t id = static_cast<uint32_t>(blocks_.size()); id < plans.size(); ++id)
        blocks_.emplace_back(plans[id]);
}

void MemoryDecoder::start(MemoryColumnBytes columns, const MemoryPlans& plans, uint32_t block_count) {
    columns_ = std::move(columns);
    copy_plans(plans);
    if (states_.reset())
        for (DecoderBlock& block : blocks_)
            block.states = {};
    addresses_.start(columns_.addresses);
    values_.start(columns_.values ? std::span<const std::byte>(*columns_.values)
                                  : std::span<const std::byte>());
    shapes_.start(columns_.shapes);
    inner_.start(columns_.inner, columns_.inner_count, block_count);
    position_ = 0;
    note_inner_position();
    told_ = 0;
}

void MemoryDecoder::note_inner_position() {
    inner_position_ = inner_.valid() ? inner_.position() : ~uint64_t{0};
}

size_t MemoryDecoder::decode(std::span<const uint32_t> ids) {
    const auto plain = ids.first(std::min<uint64_t>(ids.size(), inner_position_ - position_));
    const PlainDecoder::Columns columns{*plans_,    blocks_,          states_,
                                        addresses_, values_,          columns_.values.has_value(),
                                        bases_,     told_ == all_told};
    const size_t decoded = plain_.decode(
        plain, columns,
        {accesses_.data() + PlainDecoder::earlier, begins_.data(), stores_.data(), store_begins_.data()});
    numbers_stores_ = decoded != 0 && columns_.values;
    position_ += static_cast<uint32_t>(decoded);
    if (decoded != 0)
        return decoded;
    DecoderBlock& block = blocks_[ids[0]];
    decode_slowly(block, whole);
    plans_->change_registers(block.plan, bases_);
    return 1;
}

inline uint64_t MemoryDecoder::decode_address(const PlannedOperation& operation, uint32_t number,
                                              Walk& walk) {
    if (operation.derived)
        return operation.derive(bases_[operation.base]);
    return bases_.operation(number) = addresses_.decode(*walk.address++);
}

template <bool with_values>
inline void MemoryDecoder::decode_access(const PlannedOperation& operation, uint32_t number, Walk& walk,
                                         Access& access) {
    const uint64_t address = decode_address(operation, number, walk);
    access = {address, 0, 0, operation.instruction, operation.size, operation.kind};
    if (!with_values)
        return;
    if (operation.is_store())
        decode_store(operation, walk, access);
    else
        values_.predictor().loaded(address);
}

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
    numbers_stores_ = false;
    decode_slowly(blocks_[id], executed);
    shapes_.end_cut();
}

// Whether an operation was executed in an execution that was cut short after `executed` instructions.
bool MemoryDecoder::has_run(const PlannedOperation& operation, uint32_t executed) {
    if (operation.is_beyond(executed))
        return false;
    if (operation.conditional || operation.instruction == executed)
        return !operation.derived && shapes_.cut_bit();
    return true;
}

// Decodes one execution in which operations may be missing, or to which inner events belong. Does not change
// the followed registers.
void MemoryDecoder::decode_slowly(DecoderBlock& block, uint32_t executed) {
    const BlockPlan& plan = block.plan;
    states_.enter(block.states, plan, plans_->operations(plan));
    const std::span operations(states_.operations(block.states), plan.operations);
    uint64_t* shape = states_.shapes(block.states, plan);
    Walk walk{states_.addresses(block.states, plan), states_.values(block.states, plan)};
    uint64_t mask = 0;
    uint32_t conditional = 0;
    begins_[1] = 0;
    take_inner(InnerEvent::before_block);
    if (plan.follows && told_ != all_told)
        throw Error("has a block that follows registers whose values are not known");
    for (uint32_t i = 0; i < operations.size(); ++i) {
        const PlannedOperation& operation = operations[i];
        take_inner(InnerEvent::before_instruction(operation.instruction));
        bool ran = true;
        if (executed != whole) {
            ran = has_run(operation, executed);
        } else if (operation.conditional) {
            if (conditional++ % 64 == 0)
                mask = shapes_.decode(*shape++);
            ran = (mask & 1) != 0;
            mask >>= 1;
        }
        if (!ran) {
            walk.address += operation.derived ? 0 : 1;
            walk.value += operation.value_words();
            continue;
        }
        if (!operation.is_access()) {
            decode_address(operation, i, walk);
        } else if (columns_.values) {
            decode_access<true>(operation, i, walk, room());
        } else {
            decode_access<false>(operation, i, walk, room());
        }
    }
    take_inner(~uint32_t{0});
    ++position_;
}

// Takes the inner events of this execution up to this place.
void MemoryDecoder::take_inner(uint32_t place) {
    while (inner_position_ == position_ && inner_.place() <= place) {
        InnerEvent event = inner_.take(values_.cache());
        if (event.kind == InnerKind::helper_store && !columns_.helper_values)
            event.value = event.value_high = 0;
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

// Makes room for the next access of a group of one execution.
Access& MemoryDecoder::room() {
    const size_t place = PlainDecoder::earlier + begins_[1]++;
    if (place == accesses_.size())
        accesses_.resize(2 * place);
    return accesses_[place];
}

void MemoryDecoder::check_end() const {
    addresses_.check_end();
    if (columns_.values)
        values_.check_end();
    shapes_.check_end();
    if (inner_.valid())
        throw Error("has more inner events than block executions for them");
    if (addresses_.symbols().count() != columns_.address_count ||
        (columns_.values && values_.symbols().count() != columns_.value_count))
        throw Error("does not hold as many addresses or values as it says");
}

}  // namespace panda::trace
