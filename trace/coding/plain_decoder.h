// Decodes the memory columns of many executions in one loop. It takes only plain executions: those in which
// every operation of the block ran, and nothing else happened to memory. Nearly all executions are plain.
// Internal to MemoryDecoder.
//
// An access costs about 15 instructions if its address is derived, 35 if it is coded, and a store's value
// costs 30 more. So the loop does not keep what only a few accesses need. Some values are predicted from the
// loads before the store, for example: these are found when needed, by going back through the group's
// accesses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/coding/address_codec.h"
#include "trace/coding/memory_plan.h"
#include "trace/coding/memory_state.h"
#include "trace/coding/value_codec.h"

namespace panda::trace {

// What a decoder needs of a block for each of its executions, in half a cache line.
struct alignas(32) DecoderBlock {
    // The most operations that a plain block may have. A group has room for so many in each execution.
    static constexpr size_t max_operations = 64;

    explicit DecoderBlock(const BlockPlan& block) : plan(block) {
        plan.irregular = block.irregular || block.operations > max_operations;
    }

    BlockPlan plan;  // irregular: also a block of too many operations; its executions are never plain
    StatesPlace states;
};
static_assert(sizeof(DecoderBlock) == 32);

class PlainDecoder {
  public:
    static constexpr size_t group_size = 128;  // executions
    static constexpr size_t max_accesses = group_size * DecoderBlock::max_operations;
    // The number of entries in front of a group's accesses. They stand for the accesses before the group.
    static constexpr size_t earlier = 3;

    // The parts of a chunk's decoder.
    struct Columns {
        const MemoryPlans& plans;
        std::span<DecoderBlock> blocks;
        MemoryStates& states;
        AddressDecoder& addresses;
        ValueDecoder& values;
        bool with_values;
        Bases& bases;  // the registers are as the last execution left them
        bool follows;  // the registers' values are known
    };
    // Where a decoded group is put: see AccessGroup. begins[0] and store_begins[0] must be 0.
    struct Target {
        Access* accesses;        // room for max_accesses, and `earlier` entries before
        uint32_t* begins;        // room for group_size + 1
        uint32_t* stores;        // room for max_accesses
        uint32_t* store_begins;  // room for group_size + 1
    };
    // Decodes the next executions. ids: their blocks. Stops before the first one that is not plain, and when
    // the group is full. Returns how many it decoded, which may be 0. Throws Error on malformed input.
    size_t decode(std::span<const uint32_t> ids, const Columns& columns, const Target& target);

  private:
    template <bool with_values>
    size_t decode_group(std::span<const uint32_t> ids, const Columns& columns, const Target& target);

    // The last addresses before the group, and then the group's own.
    std::vector<uint64_t> addresses_ = std::vector<uint64_t>(AddressHistory::size + max_accesses);
};

}  // namespace panda::trace
