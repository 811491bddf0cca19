// Decodes the memory columns of many executions in one loop: of those that do all that their blocks'
// operations say, and nothing else. Nearly all do. Internal to MemoryDecoder.
//
// An access costs some 15 instructions where its address is derived, 35 where it is coded, and a store's
// value 30 more. What few of them need is therefore not kept, but looked for where it is needed: the loads
// that some values are predicted from are found among the group's accesses, backwards from the store.
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

// What a decoder needs of a block for each execution, in one cache line.
struct alignas(64) DecoderBlock {
    // What keeps an execution from being plain.
    enum Obstacle : uint8_t {
        irregular = 1,  // conditional operations, or more than fit
        follows = 2,    // registers, if they are not known
    };
    // operations: of a plain block; its group has room for as many of each execution.
    static constexpr size_t max_operations = 64;

    explicit DecoderBlock(const BlockPlan& block)
        : plan(block),
          obstacles(
              static_cast<uint8_t>((block.irregular || block.operations > max_operations ? irregular : 0) |
                                   (block.follows ? follows : 0))) {}

    BlockPlan plan;
    uint32_t stamp = 0;  // for MemoryStates
    uint8_t obstacles;   // Obstacle
};
static_assert(sizeof(DecoderBlock) == 64);

class PlainDecoder {
  public:
    static constexpr size_t group_size = 128;  // executions
    static constexpr size_t max_accesses = group_size * DecoderBlock::max_operations;
    // Entries in front of a group's accesses, which stand for those before it.
    static constexpr size_t earlier = 3;

    // A chunk's decoder, in parts.
    struct Columns {
        const MemoryPlans& plans;
        std::span<DecoderBlock> blocks;
        MemoryStates& states;
        AddressDecoder& addresses;
        ValueDecoder& values;
        bool with_values;
        Bases& bases;  // registers as the last execution left them
        bool follows;  // they are known
    };
    // Where a group goes: see AccessGroup. begins[0] and store_begins[0] are 0.
    struct Target {
        Access* accesses;        // room for max_accesses, and `earlier` entries before
        uint32_t* begins;        // room for group_size + 1
        uint32_t* stores;        // room for max_accesses
        uint32_t* store_begins;  // room for group_size + 1
    };
    // Decodes the next executions, as many of `ids` as are plain and go in one group; perhaps none. Returns
    // how many. Throws Error on malformed input.
    size_t decode(std::span<const uint32_t> ids, const Columns& columns, const Target& target);

  private:
    template <bool with_values>
    size_t decode_group(std::span<const uint32_t> ids, const Columns& columns, const Target& target);

    // The last addresses before the group, and its own.
    std::vector<uint64_t> addresses_ = std::vector<uint64_t>(AddressHistory::size + max_accesses);
};

}  // namespace panda::trace
