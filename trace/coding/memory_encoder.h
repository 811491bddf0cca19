// The encoder of a chunk's memory columns: takes block executions with their words as they come and turns
// them into finished byte streams at once. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trace/coding/address_codec.h"
#include "trace/coding/inner_codec.h"
#include "trace/coding/memory_plan.h"
#include "trace/coding/memory_state.h"
#include "trace/coding/page_tracker.h"
#include "trace/coding/shape_codec.h"
#include "trace/coding/value_codec.h"
#include "trace/format/message.h"
#include "trace/limits.h"
#include "trace/types.h"

namespace panda::trace {

// A column that waits for its compression.
struct RawColumn {
    schema::ColumnId id;
    schema::Coding coding;
    uint64_t records = 0;
    Bytes bytes;
};

class MemoryEncoder {
  public:
    // memory: what the trace holds, either addresses or values.
    explicit MemoryEncoder(MemoryColumns memory) : with_values_(memory == MemoryColumns::values) {}

    // Defines the block with the next id. instructions: how many it has. operations, changes: the block's,
    // which the caller has checked (check_operations, check_changes).
    void define(uint32_t instructions, std::span<const MemoryOperation> operations,
                std::span<const RegisterChange> changes);
    // Appends the next executions of the chunk. ids: their blocks. words: for each execution, the words that
    // MemoryOperation describes. Returns how many instructions they executed together. Throws Error when a
    // block follows registers and the trace does not.
    uint64_t append(std::span<const uint32_t> ids, std::span<const uint64_t* const> words);
    void append(uint32_t id, const uint64_t* words) { append({&id, 1}, {&words, 1}); }
    // A hint that an execution of this block comes soon. (It must be inlined early, because gcc drops calls
    // of a function that only prefetches. Fetching the predictors' states as well has gained nothing.)
    [[gnu::always_inline]] void prefetch(uint32_t id) const { __builtin_prefetch(&blocks_[id], 1); }
    // How many words an execution of this block has.
    uint32_t words(uint32_t id) const {
        return uint32_t{blocks_[id].plan.addresses} + blocks_[id].plan.values;
    }
    // Appends an execution that was cut short after `executed` instructions. It has as many words as a whole
    // one.
    void append_cut(uint32_t id, uint32_t executed, const uint64_t* words);
    // Adds an inner event to the next execution. Throws Error when the event is not valid, when its place is
    // before that of the event added last, or when the execution has too many.
    void inner(const InnerEvent& event);
    // Notes that a Transfer event changes `size` bytes of a memory block from `offset` on.
    void transferred(uint32_t block, uint64_t offset, uint64_t size) {
        pages_.transferred(block, offset, size);
    }

    // Whether the chunk must end before the next execution. To be called at least once in 64 executions,
    // which add at most 8 MiB: each has at most 4096 operations, and an operation takes less than 32 bytes.
    bool full() const { return inner_.count() >= enough_inner_events || enough_bytes(); }
    // Returns the columns of the chunk and starts the next chunk with the translations that are known now.
    // Throws Error when the chunk started with too many translations.
    std::vector<RawColumn> take();
    // Sets what the chunk starts with: these translations, and these values of the followed registers, if the
    // trace follows any. The chunk must be empty.
    void begin(std::span<const Translation> translations, const std::optional<FollowedValues>& followed);
    // Whether the followed registers have these values now. Also true when the trace follows no registers.
    bool has_followed(const FollowedValues& followed) const;

  private:
    bool enough_bytes() const;

    // How many inner events may wait for one execution, and how many the chunk may have so that there is
    // still room for those.
    static constexpr uint32_t max_pending = 1u << 16;
    static constexpr uint32_t enough_inner_events = max_chunk_inner_events - max_pending;
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed

    // Used in traces without values. The stores of a block whose addresses are counted from the same base lie
    // within `bytes` bytes that start at base + start. These are at most as long as a page, so the stores
    // change the pages of the first and of the last byte.
    struct StoreSpan {
        static constexpr uint16_t none = 0;
        static constexpr uint16_t scattered = 0xffff;  // no such bytes: look at each store

        int64_t start = 0;
        uint16_t base = 0;  // index into Bases
        uint16_t word = 0;  // if the base is an operation: the number of its address word
        uint16_t bytes = none;
    };
    // What is needed of a block for each of its executions, in one cache line.
    struct alignas(64) Block {
        BlockPlan plan;
        StatesPlace states;
        uint16_t instructions = 0;
        uint16_t more_spans = 0;  // number of spans in store_spans_
        uint32_t first_more = 0;  // index of the first of these
        StoreSpan span;           // the first span
    };
    static_assert(sizeof(Block) == 64);

    // How far the coding of an execution has come: the next word and the next states.
    struct Walk {
        const uint64_t* words;
        AddressState* address;
        ValueState* value;
    };

    Walk walk(const Block& block, const uint64_t* words) {
        return {words, states_.addresses(block.states, block.plan), states_.values(block.states, block.plan)};
    }
    template <bool with_values>
    uint64_t append_all(std::span<const uint32_t> ids, std::span<const uint64_t* const> words);
    void enter(Block& block);
    void append_plain(const Block& block, const uint64_t* words);
    void append_addresses(const Block& block, const uint64_t* words);
    void note_span(const BlockPlan& block, const StoreSpan& span, const uint64_t* words);
    void note_stores(const BlockPlan& block, const StoreSpan& span, uint64_t base);
    static StoreSpan span_of(std::span<const PlannedOperation> operations, uint16_t base);
    void keep_bases(const BlockPlan& block, const uint64_t* words);
    void tell_registers();
    bool follow(const InnerEvent& event);
    void append_slowly(const Block& block, uint32_t executed, const uint64_t* words);
    template <bool with_values>
    void code(const PlannedOperation& operation, uint32_t number, Walk& walk);
    template <bool with_values>
    void code_store(const PlannedOperation& operation, uint64_t address, Walk& walk);
    void code_wide_value(uint64_t address, Walk& walk);
    static void pass_over(const PlannedOperation& operation, Walk& walk);
    void define_stores(Block& block);
    void code_pending(size_t& next, uint32_t place);
    void code_inner(const InnerEvent& event);
    void settle_first_translations();

    bool with_values_;
    MemoryPlans plans_;
    MemoryStates states_;
    std::vector<Block> blocks_;           // by id
    std::vector<StoreSpan> store_spans_;  // those of all blocks, without the first of each
    AddressEncoder addresses_;
    ValueEncoder values_;
    ShapeEncoder shapes_;
    InnerEncoder inner_;
    PageTracker pages_;
    std::vector<Translation> first_translations_;  // those that the chunk starts with
    // The chunk starts with the translations that the one before knew, and first_translations_ must still be
    // filled from pages_. Usually begin() comes first and sets others.
    bool carries_on_ = false;
    std::vector<InnerEvent> pending_;  // they belong to the next execution
    uint32_t position_ = 0;            // executions in the chunk
    uint64_t address_count_ = 0;
    uint64_t value_count_ = 0;
    Bases bases_;
    bool followed_ = false;  // the trace follows registers: bases_ has their values
    unsigned told_ = 0;      // registers whose values this chunk has told: 1 << register
};

}  // namespace panda::trace
