// The block definitions of a trace, by id.
#pragma once

#include <cstdint>
#include <span>

#include "common/large_vector.h"
#include "trace/coding/memory_plan.h"
#include "trace/types.h"

namespace panda::trace {

// A block's definition. It refers to the table's memory, and so is valid until the table grows.
struct BlockView {
    uint64_t pc;
    uint64_t cs_base;
    uint64_t flags;
    uint64_t physical_pc;
    uint64_t physical_second_page;  // no_address if the block lies in one page
    uint32_t guest_size;
    std::span<const std::byte> code;  // guest_size bytes; empty if the code is not known
    std::span<const uint16_t> instruction_offsets;
    std::span<const MemoryOperation> operations;
    std::span<const RegisterChange> changes;
    std::span<const std::byte> tcg;  // empty unless the reader was asked for it
};

// Takes about 130 bytes and the code for each block, and 64 bytes for each memory operation.
class BlockTable {
  public:
    // Adds a definition, which gets the next id. It must be consistent, as decode_definitions() returns it.
    void append(const BlockDefinition& definition);
    // Adds all definitions of another table, in their order.
    void append(const BlockTable& others);
    // Makes room for `count` definitions in all, as large as those that there are, so that adding them moves nothing.
    void reserve(uint32_t count);

    // The number of definitions.
    uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }
    // The definition with this id, which must be below size(); so in the next two functions.
    BlockView operator[](uint32_t id) const;
    // The address of the block's first instruction.
    uint64_t pc(uint32_t id) const { return entries_[id].pc; }
    // How many instructions the block has.
    uint32_t instruction_count(uint32_t id) const { return instruction_counts_[id]; }
    // The same for all blocks, by id. Valid until the table grows.
    std::span<const uint16_t> instruction_counts() const { return instruction_counts_; }
    // The blocks' memory operations, in the form that the decoder of the memory columns needs.
    const MemoryPlans& memory_plans() const { return memory_plans_; }

  private:
    struct Entry {
        uint64_t pc;
        uint64_t cs_base;
        uint64_t flags;
        uint64_t physical_pc;
        uint64_t physical_second_page;
        uint64_t code;                 // place in code_
        uint64_t instruction_offsets;  // place in instruction_offsets_
        uint64_t operations;           // place in operations_
        uint64_t changes;              // place in changes_
        uint64_t tcg;                  // place in tcg_
        uint32_t tcg_size;
        uint32_t operation_count;
        uint32_t change_count;
        uint32_t guest_size;
        bool has_code;
    };
    LargeVector<Entry> entries_;
    LargeVector<uint16_t> instruction_counts_;  // apart, because every pass over the blocks reads them
    LargeVector<uint16_t> instruction_offsets_;
    LargeVector<MemoryOperation> operations_;
    LargeVector<RegisterChange> changes_;
    MemoryPlans memory_plans_;
    LargeVector<std::byte> code_;
    LargeVector<std::byte> tcg_;
};

}  // namespace panda::trace
