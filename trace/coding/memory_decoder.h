// The decoder of a chunk's memory columns: execution by execution, as the encoder took them. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/access_group.h"
#include "trace/coding/address_codec.h"
#include "trace/coding/inner_codec.h"
#include "trace/coding/memory_plan.h"
#include "trace/coding/memory_state.h"
#include "trace/coding/plain_decoder.h"
#include "trace/coding/shape_codec.h"
#include "trace/coding/value_codec.h"
#include "trace/limits.h"

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

// Executions are decoded in groups: see PlainDecoder.
class MemoryDecoder {
  public:
    static constexpr size_t group_size = PlainDecoder::group_size;

    // Begins a chunk. plans: outlives the decoder, and has all blocks of the chunk; it may have grown since
    // the chunk before. Throws Error.
    void start(MemoryColumnBytes columns, const MemoryPlans& plans, uint32_t block_count);
    // Decodes the next executions, of whole blocks: as many of `ids`, which is not empty, as go in one group.
    // Returns how many. Throws Error on malformed input; then no execution of the group is decoded.
    size_t decode(std::span<const uint32_t> ids);
    // The next execution, of a block that was cut after `executed` instructions: a group of one.
    void decode_cut(uint32_t id, uint32_t executed);
    // What the executions of the last group did. Valid until the next.
    AccessGroup group() const {
        return {accesses_.data() + PlainDecoder::earlier, begins_.data(), stores_.data(),
                store_begins_.data()};
    }
    // Whether the group's stores are numbered.
    bool numbers_stores() const { return numbers_stores_; }
    // After the last execution: throws Error when the columns hold more.
    void check_end() const;

  private:
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed
    static constexpr unsigned all_told = (1u << followed_registers) - 1;

    // Where the decoding of an execution is: the next states.
    struct Walk {
        AddressState* address;
        ValueState* value;
    };

    void copy_plans(const MemoryPlans& plans);
    void decode_slowly(DecoderBlock& block, uint32_t executed);
    uint64_t decode_address(const PlannedOperation& operation, uint32_t number, Walk& walk);
    template <bool with_values>
    void decode_access(const PlannedOperation& operation, uint32_t number, Walk& walk, Access& access);
    void decode_store(const PlannedOperation& operation, Walk& walk, Access& access);
    bool has_run(const PlannedOperation& operation, uint32_t executed);
    void take_inner(uint32_t place);
    Access& room();
    void note_inner_position();

    const MemoryPlans* plans_ = nullptr;
    std::vector<DecoderBlock> blocks_;  // by id: as in plans_
    MemoryColumnBytes columns_;
    MemoryStates states_;
    PlainDecoder plain_;
    AddressDecoder addresses_;
    ValueDecoder values_;
    ShapeDecoder shapes_;
    InnerDecoder inner_;
    uint32_t position_ = 0;
    uint64_t inner_position_ = 0;  // execution that the next inner event belongs to
    // The group's accesses; each execution's end where the next one's begin.
    std::vector<Access> accesses_ = std::vector<Access>(PlainDecoder::earlier + PlainDecoder::max_accesses);
    std::array<uint32_t, group_size + 1> begins_{};
    std::vector<uint32_t> stores_ = std::vector<uint32_t>(PlainDecoder::max_accesses);
    std::array<uint32_t, group_size + 1> store_begins_{};
    bool numbers_stores_ = false;
    Bases bases_;        // registers are as the last execution left them
    unsigned told_ = 0;  // registers that are known: 1 << register
};

}  // namespace panda::trace
