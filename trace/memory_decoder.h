// The decoder of a chunk's memory columns: execution by execution, as the encoder took them. Internal.
#pragma once

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
        states_.enter(stamps_[id], block);
        settle();
        if (block.irregular || position_ == inner_position_)
            decode_slowly(block, whole);
        else if (block.follows && told_ != all_told) [[unlikely]]
            unfollowed();
        else if (block.operations == 0)
            count_ = 0;  // a third of the executions
        else if (columns_.values)
            decode_plain<true>(block);
        else
            decode_plain<false>(block);
        last_ = &block;
        ++position_;
    }
    void decode_cut(uint32_t id, uint32_t executed);
    // The value of a followed register where the last decoded execution began; none: not known.
    std::optional<uint64_t> followed(FollowedRegister which) const {
        const auto number = static_cast<unsigned>(which);
        return (told_ >> number & 1) != 0 ? std::optional(bases_[Bases::first_register + number])
                                          : std::nullopt;
    }
    // What the last decoded execution did. Valid until the next.
    std::span<const Access> accesses() const { return {accesses_.data(), count_}; }
    // After the last execution: throws Error when the columns hold more.
    void check_end() const;

  private:
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed
    static constexpr unsigned all_told = (1u << followed_registers) - 1;

    struct Walk {
        AddressState* address;
        ValueState* value;
    };

    // What the last execution has left in the followed registers.
    void settle() {
        if (last_ != nullptr) [[likely]]
            plans_->change_registers(*last_, bases_);
    }
    [[noreturn]] static void unfollowed();
    template <bool with_values>
    void decode_plain(const BlockPlan& block);
    void decode_slowly(const BlockPlan& block, uint32_t executed);
    uint64_t decode_address(const PlannedOperation& operation, uint32_t number, Walk& walk);
    template <bool with_values>
    void decode_access(const PlannedOperation& operation, uint32_t number, Walk& walk, Access& access);
    template <bool with_values>
    void decode_store(const PlannedOperation& operation, Walk& walk, Access& access);
    void take_inner(uint32_t place);
    Access& room();
    void note_inner_position();

    const MemoryPlans* plans_ = nullptr;
    MemoryColumnBytes columns_;
    MemoryStates states_;
    std::vector<uint32_t> stamps_;  // by block, for states_
    AddressDecoder addresses_;
    ValueDecoder values_;
    ShapeDecoder shapes_;
    InnerDecoder inner_;
    uint32_t position_ = 0;
    uint64_t inner_position_ = 0;  // execution that the next inner event belongs to
    uint64_t address_count_ = 0;
    uint64_t value_count_ = 0;
    std::vector<Access> accesses_ = std::vector<Access>(max_block_operations);
    size_t count_ = 0;  // in accesses_
    // The followed registers are as the execution found them, up to the next one.
    Bases bases_;
    unsigned told_ = 0;                // registers that are known: 1 << register
    const BlockPlan* last_ = nullptr;  // of the last execution; null when it was cut
};

}  // namespace panda::trace
