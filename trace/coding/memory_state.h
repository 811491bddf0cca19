// What the coders of the memory columns remember of each operation. Encoder and decoder run through the same
// states; a chunk begins with all of them zero. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/coding/memory_plan.h"

namespace panda::trace {

// Of an operation with an address word: see address_codec.h. Half a cache line.
struct AddressState {
    uint64_t last = 0;      // its address before
    int32_t step[5] = {};   // by candidate: address - what the candidate starts from, when last updated
    uint8_t preferred = 0;  // candidate
    uint8_t unused[3] = {};
};

// Of a value word: see value_codec.h.
struct ValueState {
    uint64_t last = 0;
    int32_t step[4] = {};
    uint8_t preferred = 0;
    uint8_t doubt = 0;  // times in a row that another candidate was right
    uint16_t unused[3] = {};
};

static_assert(sizeof(AddressState) == 32 && sizeof(ValueState) == 32);

class MemoryStates {
  public:
    // Makes room for every block of `plans`.
    void grow(const MemoryPlans& plans);
    // Forgets all. Costs nothing: states are cleared when their block is entered. True: the stamps of all
    // blocks have to become 0.
    bool reset();
    // Before the states of a block are used: clears them when it is the block's first time since reset.
    // stamp: the block's, which its owner keeps where he has the block; 0 at first.
    void enter(uint32_t& stamp, const BlockPlan& block) {
        if (!has_entered(stamp)) [[unlikely]] {
            stamp = epoch_;
            clear(block);
        }
    }
    bool has_entered(uint32_t stamp) const { return stamp == epoch_; }

    AddressState* addresses(const BlockPlan& block) { return addresses_.data() + block.first_address; }
    ValueState* values(const BlockPlan& block) { return values_.data() + block.first_value; }
    // The last mask of which conditional operations ran, bit 0 the first of 64.
    uint64_t* shapes(const BlockPlan& block) { return shapes_.data() + block.first_shape; }

  private:
    void clear(const BlockPlan& block);

    std::vector<AddressState> addresses_;
    std::vector<ValueState> values_;
    std::vector<uint64_t> shapes_;
    uint32_t epoch_ = 1;  // that the states were cleared in which a block's stamp says so
};

}  // namespace panda::trace
