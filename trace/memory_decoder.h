// The decoder of a chunk's memory columns: execution by execution, as the encoder took them. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/address_codec.h"
#include "trace/inner_codec.h"
#include "trace/limits.h"
#include "trace/memory_plan.h"
#include "trace/memory_state.h"
#include "trace/shape_codec.h"
#include "trace/value_codec.h"

namespace panda::trace {

// A chunk's memory columns, decompressed.
struct MemoryColumnBytes {
    Bytes shapes;
    Bytes addresses;
    std::optional<Bytes> values;  // none: the trace holds addresses only
    Bytes inner;
    uint64_t address_count = 0;
    uint64_t value_count = 0;
    uint64_t inner_count = 0;
};

class MemoryDecoder {
  public:
    // Begins a chunk. plans: outlives the decoder, and has all blocks of the chunk. Throws Error.
    void start(MemoryColumnBytes columns, const MemoryPlans& plans, uint32_t block_count);
    // Decodes the next execution: of a whole block, or of one that was cut after `executed` instructions.
    // Throws Error on malformed input.
    void decode(uint32_t id) {
        const BlockPlan& block = (*plans_)[id];
        states_.enter(id, block);
        if (block.conditionals != 0 || position_ == inner_position_)
            decode_slowly(block, whole);
        else if (block.operations == 0)
            count_ = 0;  // a third of the executions
        else if (columns_.values)
            decode_plain<true>(block);
        else
            decode_plain<false>(block);
        ++position_;
    }
    void decode_cut(uint32_t id, uint32_t executed);
    // What the last decoded execution did. Valid until the next.
    std::span<const Access> accesses() const { return {accesses_.data(), count_}; }
    // After the last execution: throws Error when the columns hold more.
    void check_end() const;

  private:
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed

    struct Walk {
        AddressState* address;
        ValueState* value;
    };

    template <bool with_values>
    void decode_plain(const BlockPlan& block);
    void decode_slowly(const BlockPlan& block, uint32_t executed);
    template <bool with_values>
    void decode_operation(const PlannedOperation& operation, uint32_t number, Walk& walk, Access& access);
    template <bool with_values>
    void decode_store(const PlannedOperation& operation, Walk& walk, Access& access);
    void take_inner(uint32_t place);
    Access& room();
    void note_inner_position();

    const MemoryPlans* plans_ = nullptr;
    MemoryColumnBytes columns_;
    MemoryStates states_;
    AddressDecoder addresses_;
    ValueDecoder values_;
    ShapeDecoder shapes_;
    InnerDecoder inner_;
    uint32_t position_ = 0;
    uint64_t inner_position_ = 0;  // execution that the next inner event belongs to
    uint64_t address_count_ = 0;
    uint64_t value_count_ = 0;
    std::vector<Access> accesses_ = std::vector<Access>(max_block_operations);
    size_t count_ = 0;                                      // in accesses_
    std::array<uint64_t, max_block_operations> current_{};  // addresses of the execution's operations
};

}  // namespace panda::trace
