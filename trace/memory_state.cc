#include "trace/memory_state.h"

#include <algorithm>

namespace panda::trace {

void MemoryStates::grow(const MemoryPlans& plans) {
    epochs_.resize(plans.size());
    addresses_.resize(plans.addresses());
    values_.resize(plans.values());
    shapes_.resize(plans.shapes());
}

void MemoryStates::reset() {
    if (++epoch_ == 0) {  // after 2^32 chunks, old stamps would look new
        std::fill(epochs_.begin(), epochs_.end(), 0);
        epoch_ = 1;
    }
}

void MemoryStates::clear(uint32_t id, const BlockPlan& block) {
    epochs_[id] = epoch_;
    std::fill_n(addresses(block), block.addresses, AddressState());
    std::fill_n(values(block), block.values, ValueState());
    std::fill_n(shapes(block), block.shapes(), uint64_t{0});
}

}  // namespace panda::trace
