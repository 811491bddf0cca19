// The memory operations of all blocks, in the form in which the coders of the memory columns run through
// them. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/limits.h"
#include "trace/types.h"

namespace panda::trace {

// What addresses are counted from, in one array: 0, the followed registers where the block begins, and the
// addresses of the execution's operations.
class Bases {
  public:
    static constexpr unsigned constant = 0;
    static constexpr unsigned first_register = 1;
    static constexpr unsigned first_operation = first_register + followed_registers;
    // The index of what a MemoryOperation or RegisterChange calls its base.
    static uint16_t index_of(uint16_t base);

    uint64_t& operator[](size_t index) { return values_[index]; }
    uint64_t operator[](size_t index) const { return values_[index]; }
    uint64_t& operation(size_t number) { return values_[first_operation + number]; }
    uint64_t* data() { return values_.data(); }

  private:
    std::array<uint64_t, first_operation + max_block_operations> values_{};
};

// base + delta, and as a 32-bit number if narrow.
inline uint64_t derive(uint64_t base, int64_t delta, bool narrow) {
    const uint64_t value = base + static_cast<uint64_t>(delta);
    return narrow ? static_cast<uint32_t>(value) : value;
}

// One operation; what it means is in MemoryOperation.
struct PlannedOperation {
    int64_t delta = 0;
    uint64_t constant = 0;     // if constant_value: already masked to the size
    uint16_t base = 0;         // of a derived address: index into Bases
    uint16_t instruction = 0;  // this and the next two: as in Access
    uint8_t size = 0;
    AccessKind kind = AccessKind::load;  // load or store
    bool conditional : 1 = false;
    bool derived : 1 = false;
    bool narrow : 1 = false;
    bool constant_value : 1 = false;
    bool value_coded : 1 = false;  // it has value words

    bool is_access() const { return size != 0; }
    bool is_store() const { return kind == AccessKind::store; }
    // That it did not run in a block that was left in this instruction: nothing else has to tell. A register
    // is told after that anyway.
    bool is_beyond(uint32_t executed) const {
        return instruction > executed || (instruction == executed && !is_access());
    }
    uint32_t value_words() const { return value_coded ? (size == 16 ? 2 : 1) : 0; }
    // Of a derived address, from that of the base operation.
    uint64_t derive(uint64_t base_address) const { return trace::derive(base_address, delta, narrow); }
};

// A RegisterChange whose `base` is an index into Bases, as is `which`.
struct PlannedChange {
    int64_t delta = 0;
    uint16_t base = 0;
    uint8_t which = 0;
    bool narrow = false;
};

// Where a block's operations are, and the states of their predictors: see MemoryStates.
struct BlockPlan {
    uint32_t first_operation = 0;
    uint32_t first_address = 0;
    uint32_t first_value = 0;
    uint32_t first_shape = 0;
    uint32_t first_change = 0;
    int32_t stack_step = 0;  // added to the stack pointer, if `changes` has nothing of it
    uint16_t operations = 0;
    uint16_t addresses = 0;     // operations with an address word
    uint16_t values = 0;        // value words
    uint16_t conditionals = 0;  // conditional operations
    uint8_t changes = 0;        // of followed registers, others than a step of the stack pointer
    bool follows = false;       // what it does depends on followed registers
    bool irregular = false;     // it has operations that are conditional, or no accesses

    // Masks of 64 conditional operations each.
    uint32_t shapes() const { return (conditionals + 63u) / 64; }
};

class MemoryPlans {
  public:
    // The next block's. operations, changes: consistent, see check_operations. with_values: executions have
    // value words.
    void append(std::span<const MemoryOperation> operations, std::span<const RegisterChange> changes,
                bool with_values);

    uint32_t size() const { return static_cast<uint32_t>(blocks_.size()); }
    const BlockPlan& operator[](uint32_t id) const { return blocks_[id]; }
    const PlannedOperation* operations() const { return operations_.data(); }  // of all blocks
    const PlannedOperation* operations(const BlockPlan& block) const {
        return operations() + block.first_operation;
    }
    // After a whole execution of the block, with the addresses of its operations in `bases`: what it leaves
    // in the followed registers.
    void change_registers(const BlockPlan& block, Bases& bases) const {
        change_registers(block, bases.data());
    }
    void change_registers(const BlockPlan& block, uint64_t* bases) const {
        if (block.changes != 0) [[unlikely]]
            change_slowly(block, bases);
        bases[Bases::first_register] += static_cast<uint64_t>(int64_t{block.stack_step});
    }
    // States that all blocks need together: indexes stay below these.
    size_t addresses() const { return end_.first_address; }
    size_t values() const { return end_.first_value; }
    size_t shapes() const { return end_.first_shape; }

  private:
    void append_change(BlockPlan& block, const RegisterChange& change);
    void change_slowly(const BlockPlan& block, uint64_t* bases) const;

    std::vector<BlockPlan> blocks_;
    std::vector<PlannedOperation> operations_;
    std::vector<PlannedChange> changes_;
    BlockPlan end_;  // where the next block begins
};

// A number of `size` bytes: its low bits, without those above. size: a power of 2 up to 16.
inline uint64_t size_mask(uint32_t size) {
    return ~uint64_t{0} >> (0 - 8 * size) % 64;
}

}  // namespace panda::trace
