// The memory operations of all blocks, in the form that the coders of the memory columns need. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/large_vector.h"
#include "trace/access.h"
#include "trace/limits.h"
#include "trace/types.h"

namespace panda::trace {

// Everything that addresses are counted from, in one array: the number 0, the values of the followed
// registers where the block starts, and the addresses of the execution's operations.
class Bases {
  public:
    static constexpr unsigned constant = 0;
    static constexpr unsigned first_register = 1;
    static constexpr unsigned first_operation = first_register + followed_registers;
    // The index of a base. base: as in MemoryOperation and RegisterChange.
    static uint16_t index_of(uint16_t base);

    uint64_t& operator[](size_t index) { return values_[index]; }
    uint64_t operator[](size_t index) const { return values_[index]; }
    // The address of the block's operation with this number.
    uint64_t& operation(size_t number) { return values_[first_operation + number]; }
    // All values, by index.
    uint64_t* data() { return values_.data(); }

  private:
    std::array<uint64_t, first_operation + max_block_operations> values_{};
};

// Returns base + delta, modulo 2^32 if `narrow`, otherwise modulo 2^64.
inline uint64_t derive(uint64_t base, int64_t delta, bool narrow) {
    const uint64_t value = base + static_cast<uint64_t>(delta);
    return narrow ? static_cast<uint32_t>(value) : value;
}

// One operation. MemoryOperation says what the members mean.
struct PlannedOperation {
    int64_t delta = 0;
    uint64_t constant = 0;     // if constant_value: the value, masked to the size
    uint16_t base = 0;         // if derived: index into Bases
    uint16_t instruction = 0;  // this member and the next two are as in Access
    uint8_t size = 0;
    AccessKind kind = AccessKind::load;  // load or store
    bool conditional : 1 = false;
    bool derived : 1 = false;
    bool narrow : 1 = false;
    bool constant_value : 1 = false;
    bool value_coded : 1 = false;  // it has value words

    // Whether it accesses memory. If not, it tells the value of a register.
    bool is_access() const { return size != 0; }
    bool is_store() const { return kind == AccessKind::store; }
    // Whether it certainly did not run in an execution that was cut short after `executed` instructions, so
    // that no bit is needed to say so. An operation of that instruction which tells a register counts too:
    // after a cut, inner events tell the registers.
    bool is_beyond(uint32_t executed) const {
        return instruction > executed || (instruction == executed && !is_access());
    }
    // How many value words it has.
    uint32_t value_words() const { return value_coded ? (size == 16 ? 2 : 1) : 0; }
    // If derived: its address. base_address: the value of its base.
    uint64_t derive(uint64_t base_address) const { return trace::derive(base_address, delta, narrow); }
};

// A RegisterChange. `base` and `which` are indexes into Bases.
struct PlannedChange {
    int64_t delta = 0;
    uint16_t base = 0;
    uint8_t which = 0;
    bool narrow = false;
};

// Where a block's operations are, and what they need.
struct BlockPlan {
    uint32_t first_operation = 0;
    uint32_t first_change = 0;
    int32_t stack_step = 0;  // what the block adds to the stack pointer; 0 if `changes` sets it
    uint16_t operations = 0;
    uint16_t addresses = 0;     // operations with an address word
    uint16_t values = 0;        // value words
    uint16_t conditionals = 0;  // conditional operations
    uint8_t changes = 0;        // changes of followed registers, without the stack pointer's step
    bool follows = false;       // what it does depends on followed registers
    bool irregular = false;     // some operation is conditional, or does not access memory

    // How many masks an execution has. Each is for 64 conditional operations.
    uint32_t shapes() const { return (conditionals + 63u) / 64; }
};

// The plans of a trace's blocks, by id.
class MemoryPlans {
  public:
    // Adds the block with the next id. operations, changes: the block's; they must be consistent, see
    // check_operations and check_changes. with_values: whether executions have value words.
    void append(std::span<const MemoryOperation> operations, std::span<const RegisterChange> changes,
                bool with_values);
    // Adds all blocks of others.
    void append(const MemoryPlans& others);
    // Makes room for `count` blocks in all, as large as those that there are.
    void reserve(uint32_t count);

    // The number of blocks.
    uint32_t size() const { return static_cast<uint32_t>(blocks_.size()); }
    const BlockPlan& operator[](uint32_t id) const { return blocks_[id]; }
    // The operations of all blocks, one block after another.
    const PlannedOperation* operations() const { return operations_.data(); }
    // The operations of one block.
    const PlannedOperation* operations(const BlockPlan& block) const {
        return operations() + block.first_operation;
    }
    // Changes the followed registers in `bases` as a whole execution of the block does. bases: must have the
    // addresses of the execution's operations.
    void change_registers(const BlockPlan& block, Bases& bases) const {
        change_registers(block, bases.data());
    }
    void change_registers(const BlockPlan& block, uint64_t* bases) const {
        if (block.changes != 0) [[unlikely]]
            change_slowly(block, bases);
        bases[Bases::first_register] += static_cast<uint64_t>(int64_t{block.stack_step});
    }

  private:
    void append_change(BlockPlan& block, const RegisterChange& change);
    void change_slowly(const BlockPlan& block, uint64_t* bases) const;

    LargeVector<BlockPlan> blocks_;
    LargeVector<PlannedOperation> operations_;
    LargeVector<PlannedChange> changes_;
    BlockPlan end_;  // where the next block begins
};

// A mask of the bits that a number of `size` bytes has; all 64 for 16 bytes. size: a power of 2 up to 16.
inline uint64_t size_mask(uint32_t size) {
    return ~uint64_t{0} >> (0 - 8 * size) % 64;
}

}  // namespace panda::trace
