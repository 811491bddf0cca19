#include "trace/coding/memory_state.h"

#include <algorithm>
#include <memory>

namespace panda::trace {

bool MemoryStates::reset() {
    used_ = 0;
    if (++epoch_ != 0)
        return false;
    epoch_ = 1;  // after 2^32 chunks, old epochs would look new
    return true;
}

[[gnu::noinline]] void MemoryStates::make(StatesPlace& place, const BlockPlan& block,
                                          const PlannedOperation* operations) {
    const size_t shape_units = (block.shapes() * sizeof(uint64_t) + sizeof(Unit) - 1) / sizeof(Unit);
    const size_t end = used_ + operation_units(block) + block.addresses + block.values + shape_units;
    if (end > units_.size())
        units_.resize(std::max(end, 2 * units_.size()));
    place = {epoch_, static_cast<uint32_t>(used_)};
    std::uninitialized_copy_n(operations, block.operations,
                              reinterpret_cast<PlannedOperation*>(units_.data() + used_));
    std::uninitialized_value_construct_n(addresses(place, block), block.addresses);
    std::uninitialized_value_construct_n(values(place, block), block.values);
    std::uninitialized_value_construct_n(shapes(place, block), block.shapes());
    used_ = end;
}

}  // namespace panda::trace
