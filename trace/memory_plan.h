// The memory operations of all blocks, in the form in which the coders of the memory columns run through
// them. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/types.h"

namespace panda::trace {

// One operation; what it means is in MemoryOperation.
struct PlannedOperation {
    int64_t delta = 0;
    uint64_t constant = 0;  // already masked to the size
    uint16_t base = 0;      // of a derived address
    uint16_t instruction = 0;
    uint8_t size = 0;
    bool store : 1 = false;
    bool conditional : 1 = false;
    bool derived : 1 = false;
    bool narrow : 1 = false;
    bool constant_value : 1 = false;
    bool value_coded : 1 = false;  // it has value words

    uint32_t value_words() const { return value_coded ? (size == 16 ? 2 : 1) : 0; }
    // Of a derived address, from that of the base operation.
    uint64_t derive(uint64_t base_address) const {
        const uint64_t address = base_address + static_cast<uint64_t>(delta);
        return narrow ? static_cast<uint32_t>(address) : address;
    }
};

// Where a block's operations are, and the states of their predictors: see MemoryStates.
struct BlockPlan {
    uint32_t first_operation = 0;
    uint32_t first_address = 0;
    uint32_t first_value = 0;
    uint32_t first_shape = 0;
    uint16_t operations = 0;
    uint16_t addresses = 0;     // operations with an address word
    uint16_t values = 0;        // value words
    uint16_t conditionals = 0;  // conditional operations

    // Masks of 64 conditional operations each.
    uint32_t shapes() const { return (conditionals + 63u) / 64; }
};

class MemoryPlans {
  public:
    // The next block's. operations: consistent, see check_operations. with_values: executions have value
    // words.
    void append(std::span<const MemoryOperation> operations, bool with_values);

    uint32_t size() const { return static_cast<uint32_t>(blocks_.size()); }
    const BlockPlan& operator[](uint32_t id) const { return blocks_[id]; }
    const PlannedOperation* operations(const BlockPlan& block) const {
        return operations_.data() + block.first_operation;
    }
    void prefetch(uint32_t id) const { __builtin_prefetch(&blocks_[id]); }
    void prefetch_operations(const BlockPlan& block) const {
        const auto* first = reinterpret_cast<const char*>(operations(block));
        __builtin_prefetch(first);
        __builtin_prefetch(first + 64);
    }
    // States that all blocks need together: indexes stay below these.
    size_t addresses() const { return end_.first_address; }
    size_t values() const { return end_.first_value; }
    size_t shapes() const { return end_.first_shape; }

  private:
    std::vector<BlockPlan> blocks_;
    std::vector<PlannedOperation> operations_;
    BlockPlan end_;  // where the next block begins
};

// A number of `size` bytes: its low bits, without those above.
inline uint64_t size_mask(uint32_t size) {
    return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
}

}  // namespace panda::trace
