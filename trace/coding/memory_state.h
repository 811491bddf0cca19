// What the coders of the memory columns remember of each operation. Encoder and decoder run through the same
// states, which are all zero where a chunk starts. Internal.
#pragma once

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

// The states of all blocks' operations. BlockPlan says which of them belong to a block. Each block also has a
// stamp, which the user of this class keeps beside the block; it is 0 at first.
class MemoryStates {
  public:
    // Makes room for every block of `plans`.
    void grow(const MemoryPlans& plans);
    // Forgets everything. This costs nothing, because enter() clears the states of each block later. If it
    // returns true, the caller must set the stamps of all blocks to 0.
    bool reset();
    // Must be called before the states of a block are used. Clears them when they have not been used since
    // reset(). stamp: the block's.
    void enter(uint32_t& stamp, const BlockPlan& block) {
        if (!has_entered(stamp)) [[unlikely]] {
            stamp = epoch_;
            clear(block);
        }
    }
    // Whether enter() has been called for the block with this stamp since reset().
    bool has_entered(uint32_t stamp) const { return stamp == epoch_; }

    // The states of a block's address words.
    AddressState* addresses(const BlockPlan& block) { return addresses_.data() + block.first_address; }
    // The states of a block's value words.
    ValueState* values(const BlockPlan& block) { return values_.data() + block.first_value; }
    // A block's last masks, one for each 64 of its conditional operations. Bit 0 says whether the first one
    // ran.
    uint64_t* shapes(const BlockPlan& block) { return shapes_.data() + block.first_shape; }

  private:
    void clear(const BlockPlan& block);

    std::vector<AddressState> addresses_;
    std::vector<ValueState> values_;
    std::vector<uint64_t> shapes_;
    uint32_t epoch_ = 1;  // a block whose stamp is this number has cleared states since the last reset
};

}  // namespace panda::trace
