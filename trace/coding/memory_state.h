// What the coders of the memory columns remember of each operation. Encoder and decoder run through the same
// states, which are all zero where a chunk starts. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trace/coding/memory_plan.h"

namespace panda::trace {

// The state of an operation that has an address word: see address_codec.h. Half a cache line.
struct AddressState {
    uint64_t last = 0;      // the operation's last address
    int32_t step[5] = {};   // by candidate: address - where the candidate started, at the last update
    uint8_t preferred = 0;  // the preferred candidate
    uint8_t unused[3] = {};
};

// The state of a value word: see value_codec.h.
struct ValueState {
    uint64_t last = 0;      // the word's last value
    int32_t step[4] = {};   // by the number of the step
    uint8_t preferred = 0;  // the preferred candidate
    uint8_t doubt = 0;      // 1 when another candidate was right since the preferred one was
    uint16_t unused[3] = {};
};

static_assert(sizeof(AddressState) == 32 && sizeof(ValueState) == 32);

// Where the states of a block are. It is kept beside the block by who uses MemoryStates; all zero at first.
struct StatesPlace {
    uint32_t epoch = 0;
    uint32_t unit = 0;
};

// The states of the blocks that the chunk has used so far, in the order of their first use. A browser's trace has
// millions of blocks, and a chunk of it uses a hundredth of them: so these lie close together, and what a chunk costs
// does not depend on how many blocks there are in all. A block's operations are copied there as well, in front of its
// states, because they are needed each time its states are.
//
// Sized for chunks of a million executions of 40,000 blocks with two memory operations each: 5 MB.
class MemoryStates {
  public:
    // Forgets everything. If it returns true, the caller must make the places of all blocks zero.
    bool reset();
    // Must be called before the states of a block are used. Makes them, all zero, when they have not been used since
    // reset(). operations: the block's. References to states of other blocks are not valid afterwards.
    void enter(StatesPlace& place, const BlockPlan& block, const PlannedOperation* operations) {
        if (!has_entered(place)) [[unlikely]]
            make(place, block, operations);
    }
    // Whether enter() has been called for the block with this place since reset().
    bool has_entered(const StatesPlace& place) const { return place.epoch == epoch_; }

    // A block's operations.
    const PlannedOperation* operations(const StatesPlace& place) const {
        return reinterpret_cast<const PlannedOperation*>(units_.data() + place.unit);
    }
    // The states of a block's address words.
    AddressState* addresses(const StatesPlace& place, const BlockPlan& block) {
        return reinterpret_cast<AddressState*>(units_.data() + place.unit + operation_units(block));
    }
    // The states of a block's value words.
    ValueState* values(const StatesPlace& place, const BlockPlan& block) {
        return reinterpret_cast<ValueState*>(addresses(place, block) + block.addresses);
    }
    // A block's last masks, one for each 64 of its conditional operations. Bit 0 says whether the first one
    // ran.
    uint64_t* shapes(const StatesPlace& place, const BlockPlan& block) {
        return reinterpret_cast<uint64_t*>(values(place, block) + block.values);
    }

  private:
    // Objects are made in units by placement new.
    struct alignas(32) Unit {
        std::byte bytes[32];
    };

    static size_t operation_units(const BlockPlan& block) {
        return (block.operations * sizeof(PlannedOperation) + sizeof(Unit) - 1) / sizeof(Unit);
    }
    void make(StatesPlace& place, const BlockPlan& block, const PlannedOperation* operations);

    std::vector<Unit> units_;
    size_t used_ = 0;     // units
    uint32_t epoch_ = 1;  // a block with this epoch has states
};

}  // namespace panda::trace
