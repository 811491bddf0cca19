#include "trace/coding/memory_plan.h"

namespace panda::trace {

uint16_t Bases::index_of(uint16_t base) {
    if (base == base_constant)
        return constant;
    constexpr uint16_t first = base_register(FollowedRegister{});
    return static_cast<uint16_t>(base >= first ? first_register + base - first : first_operation + base);
}

void MemoryPlans::append(std::span<const MemoryOperation> operations, std::span<const RegisterChange> changes,
                         bool with_values) {
    const auto is_register = [](uint16_t base) {
        const uint16_t index = Bases::index_of(base);
        return index >= Bases::first_register && index < Bases::first_operation;
    };
    BlockPlan block = end_;
    for (const MemoryOperation& operation : operations) {
        PlannedOperation planned;
        planned.delta = operation.delta;
        planned.constant = operation.constant_value ? operation.constant & size_mask(operation.size) : 0;
        planned.instruction = operation.instruction;
        planned.size = operation.size;
        planned.kind = operation.store ? AccessKind::store : AccessKind::load;
        planned.conditional = operation.conditional;
        planned.derived = !operation.has_address_word();
        planned.base = planned.derived ? Bases::index_of(operation.base) : uint16_t{0};
        planned.narrow = operation.narrow;
        planned.constant_value = operation.constant_value;
        planned.value_coded = with_values && operation.value_words() != 0;
        operations_.push_back(planned);
        ++block.operations;
        block.addresses = static_cast<uint16_t>(block.addresses + (operation.has_address_word() ? 1 : 0));
        block.values = static_cast<uint16_t>(block.values + planned.value_words());
        block.conditionals = static_cast<uint16_t>(block.conditionals + (operation.conditional ? 1 : 0));
        block.follows = block.follows || (planned.derived && is_register(operation.base));
        block.irregular = block.irregular || operation.conditional || !operation.is_access();
    }
    for (const RegisterChange& change : changes) {
        append_change(block, change);
        block.follows = block.follows || is_register(change.base);
    }
    blocks_.push_back(block);
    end_.first_operation += block.operations;
    end_.first_change += block.changes;
}

void MemoryPlans::append(const MemoryPlans& others) {
    for (BlockPlan block : others.blocks_) {
        block.first_operation += end_.first_operation;
        block.first_change += end_.first_change;
        blocks_.push_back(block);
    }
    operations_.insert(operations_.end(), others.operations_.begin(), others.operations_.end());
    changes_.insert(changes_.end(), others.changes_.begin(), others.changes_.end());
    end_.first_operation += others.end_.first_operation;
    end_.first_change += others.end_.first_change;
}

void MemoryPlans::reserve(uint32_t count) {
    if (blocks_.empty() || count <= blocks_.size())
        return;
    operations_.reserve(operations_.size() * uint64_t{count} / blocks_.size() * 11 / 10);
    blocks_.reserve(count);
}

void MemoryPlans::append_change(BlockPlan& block, const RegisterChange& change) {
    const auto step = static_cast<int32_t>(change.delta);
    if (change.which == FollowedRegister::stack_pointer && change.base == base_register(change.which) &&
        !change.narrow && step == change.delta) {
        block.stack_step = step;
        return;
    }
    const auto which = Bases::first_register + static_cast<unsigned>(change.which);
    changes_.push_back(
        {change.delta, Bases::index_of(change.base), static_cast<uint8_t>(which), change.narrow});
    ++block.changes;
}

// All changes are counted from the values before the block.
void MemoryPlans::change_slowly(const BlockPlan& block, uint64_t* bases) const {
    const std::span changes(changes_.data() + block.first_change, block.changes);
    std::array<uint64_t, followed_registers> values;
    for (size_t i = 0; i < changes.size(); ++i)
        values[i] = derive(bases[changes[i].base], changes[i].delta, changes[i].narrow);
    for (size_t i = 0; i < changes.size(); ++i)
        bases[changes[i].which] = values[i];
}

}  // namespace panda::trace
