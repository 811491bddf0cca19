#include "trace/memory_plan.h"

namespace panda::trace {

void MemoryPlans::append(std::span<const MemoryOperation> operations, bool with_values) {
    BlockPlan block = end_;
    for (const MemoryOperation& operation : operations) {
        PlannedOperation planned;
        planned.delta = operation.delta;
        planned.constant = operation.constant & size_mask(operation.size);
        planned.base = operation.base;
        planned.instruction = operation.instruction;
        planned.size = operation.size;
        planned.store = operation.store;
        planned.conditional = operation.conditional;
        planned.derived = !operation.has_address_word();
        planned.narrow = operation.narrow;
        planned.constant_value = operation.constant_value;
        planned.value_coded = with_values && operation.value_words() != 0;
        operations_.push_back(planned);
        ++block.operations;
        block.addresses = static_cast<uint16_t>(block.addresses + (operation.has_address_word() ? 1 : 0));
        block.values = static_cast<uint16_t>(block.values + planned.value_words());
        block.conditionals = static_cast<uint16_t>(block.conditionals + (operation.conditional ? 1 : 0));
    }
    blocks_.push_back(block);
    end_.first_operation += block.operations;
    end_.first_address += block.addresses;
    end_.first_value += block.values;
    end_.first_shape += block.shapes();
}

}  // namespace panda::trace
