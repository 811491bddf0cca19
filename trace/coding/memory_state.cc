#include "trace/coding/memory_state.h"

#include <algorithm>

namespace panda::trace {

void MemoryStates::grow(const MemoryPlans& plans) {
    addresses_.resize(plans.addresses());
    values_.resize(plans.values());
    shapes_.resize(plans.shapes());
}

bool MemoryStates::reset() {
    if (++epoch_ != 0)
        return false;
    epoch_ = 1;  // after 2^32 chunks, old stamps would look new
    return true;
}

void MemoryStates::clear(const BlockPlan& block) {
    std::fill_n(addresses(block), block.addresses, AddressState());
    std::fill_n(values(block), block.values, ValueState());
    std::fill_n(shapes(block), block.shapes(), uint64_t{0});
}

}  // namespace panda::trace
