// The decoder of a chunk's memory columns. It decodes executions in the order in which the encoder got them.
// Internal.
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
    std::optional<Bytes> values;  // missing when the trace holds addresses only, or when nobody wants values
    // false: what helpers store has value 0 too, as it is predicted from what the blocks stored.
    bool helper_values = true;
    Bytes inner;
    uint64_t address_count = 0;
    uint64_t value_count = 0;
    uint64_t inner_count = 0;
};

// Decodes executions in groups: see PlainDecoder.
class MemoryDecoder {
  public:
    static constexpr size_t group_size = PlainDecoder::group_size;

    // Starts a chunk. columns: the chunk's. plans: must outlive the decoder and have all blocks of the
    // chunk; it may have grown since the chunk before. block_count: executions in the chunk. Throws Error
    // when the columns are malformed.
    void start(MemoryColumnBytes columns, const MemoryPlans& plans, uint32_t block_count);
    // Decodes the next executions, which must be of whole blocks. ids: their blocks, at least one. Decodes as
    // many of them as fit in one group, and returns how many. Throws Error on malformed input, and then
    // decodes no execution of the group.
    size_t decode(std::span<const uint32_t> ids);
    // Decodes the next execution, which was cut short after `executed` instructions, as a group of one.
    // Throws Error on malformed input.
    void decode_cut(uint32_t id, uint32_t executed);
    // What the executions of the last group did. Valid until the next group is decoded.
    AccessGroup group() const {
        return {accesses_.data() + PlainDecoder::earlier, begins_.data(), stores_.data(),
                store_begins_.data()};
    }
    // Whether the stores of the last group are numbered (see AccessGroup).
    bool numbers_stores() const { return numbers_stores_; }
    // To be called after the last execution. Throws Error when the columns hold more.
    void check_end() const;

  private:
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed
    static constexpr unsigned all_told = (1u << followed_registers) - 1;

    // How far the decoding of an execution has come: the next states.
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
    std::vector<DecoderBlock> blocks_;  // by id, as in plans_
    MemoryColumnBytes columns_;
    MemoryStates states_;
    PlainDecoder plain_;
    AddressDecoder addresses_;
    ValueDecoder values_;
    ShapeDecoder shapes_;
    InnerDecoder inner_;
    uint32_t position_ = 0;
    uint64_t inner_position_ = 0;  // the execution that the next inner event belongs to
    // The group's accesses. Those of an execution end where those of the next one start.
    std::vector<Access> accesses_ = std::vector<Access>(PlainDecoder::earlier + PlainDecoder::max_accesses);
    std::array<uint32_t, group_size + 1> begins_{};
    std::vector<uint32_t> stores_ = std::vector<uint32_t>(PlainDecoder::max_accesses);
    std::array<uint32_t, group_size + 1> store_begins_{};
    bool numbers_stores_ = false;
    Bases bases_;        // the registers are as the last execution left them
    unsigned told_ = 0;  // registers that are known: 1 << register
};

}  // namespace panda::trace
