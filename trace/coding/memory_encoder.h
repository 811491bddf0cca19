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
    // memory: addresses or values.
    explicit MemoryEncoder(MemoryColumns memory) : with_values_(memory == MemoryColumns::values) {}

    // The next block's; checked.
    void define(uint32_t instructions, std::span<const MemoryOperation> operations,
                std::span<const RegisterChange> changes);
    // The next executions of the chunk: their blocks, and of each its words, see MemoryOperation. Returns
    // their instructions.
    uint64_t append(std::span<const uint32_t> ids, std::span<const uint64_t* const> words);
    void append(uint32_t id, const uint64_t* words) { append({&id, 1}, {&words, 1}); }
    // A hint that an execution of this block comes soon. (Inlined early: gcc takes a function that only
    // prefetches for one without effect. Fetching the predictors' states too has gained nothing.)
    [[gnu::always_inline]] void prefetch(uint32_t id) const { __builtin_prefetch(&blocks_[id], 1); }
    // Of an execution of this block.
    uint32_t words(uint32_t id) const {
        return uint32_t{blocks_[id].plan.addresses} + blocks_[id].plan.values;
    }
    void append_cut(uint32_t id, uint32_t executed, const uint64_t* words);
    // Belongs to the next execution. Throws Error when it is none.
    void inner(const InnerEvent& event);
    // Memory changes by a Transfer event.
    void transferred(uint32_t block, uint64_t offset, uint64_t size) {
        pages_.transferred(block, offset, size);
    }

    // Whether the chunk must end before the next execution. Asked for at least every 64 executions: of at
    // most 4096 operations, which take less than 32 bytes each, these add at most 8 MiB.
    bool full() const { return inner_.count() >= enough_inner_events || enough_bytes(); }
    // The columns of the chunk; the next one begins, with what is known of translations.
    std::vector<RawColumn> take();
    // The chunk, which is empty, begins with these translations, and with these values of the followed
    // registers, if the trace follows any.
    void begin(std::span<const Translation> translations, const std::optional<FollowedValues>& followed);
    // Whether the followed registers have these values now; true as well when the trace follows none.
    bool has_followed(const FollowedValues& followed) const;

  private:
    bool enough_bytes() const;

    // Inner events that may wait for one execution, and the chunk's that leave room for them.
    static constexpr uint32_t max_pending = 1u << 16;
    static constexpr uint32_t enough_inner_events = max_chunk_inner_events - max_pending;
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed

    // Without values: those stores of a block whose addresses follow from the same base are in bytes from
    // base + start on. As these are at most a page's size, the stored-to pages are those of the first byte
    // and of the last.
    struct StoreSpan {
        static constexpr uint16_t none = 0;
        static constexpr uint16_t scattered = 0xffff;  // not so: each is to be looked at

        int64_t start = 0;
        uint16_t base = 0;  // index into Bases
        uint16_t word = 0;  // or, of an operation: its address word's number
        uint16_t bytes = none;
    };
    // What an execution needs of its block, in one cache line.
    struct alignas(64) Block {
        BlockPlan plan;
        uint32_t stamp = 0;  // for states_
        uint16_t instructions = 0;
        uint16_t more_spans = 0;
        uint32_t first_more = 0;  // of them, in store_spans_
        StoreSpan span;           // the first
    };
    static_assert(sizeof(Block) == 64);

    // Where the coding of an execution is: the next word and states.
    struct Walk {
        const uint64_t* words;
        AddressState* address;
        ValueState* value;
    };

    Walk walk(const BlockPlan& block, const uint64_t* words) {
        return {words, states_.addresses(block), states_.values(block)};
    }
    template <bool with_values>
    uint64_t append_all(std::span<const uint32_t> ids, std::span<const uint64_t* const> words);
    void enter(Block& block);
    void append_plain(const BlockPlan& block, const uint64_t* words);
    void append_addresses(const Block& block, const uint64_t* words);
    void note_span(const BlockPlan& block, const StoreSpan& span, const uint64_t* words);
    void note_stores(const BlockPlan& block, const StoreSpan& span, uint64_t base);
    static StoreSpan span_of(std::span<const PlannedOperation> operations, uint16_t base);
    void keep_bases(const BlockPlan& block, const uint64_t* words);
    void tell_registers();
    bool follow(const InnerEvent& event);
    void append_slowly(const BlockPlan& block, uint32_t executed, const uint64_t* words);
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
    std::vector<StoreSpan> store_spans_;  // of all blocks, but for the first of each
    AddressEncoder addresses_;
    ValueEncoder values_;
    ShapeEncoder shapes_;
    InnerEncoder inner_;
    PageTracker pages_;
    std::vector<Translation> first_translations_;  // of the chunk
    // The chunk opens with what the one before knew: first_translations_ are still to be made of pages_. Most
    // often begin() comes before that.
    bool carries_on_ = false;
    std::vector<InnerEvent> pending_;  // of the next execution
    uint32_t position_ = 0;            // executions in the chunk
    uint64_t address_count_ = 0;
    uint64_t value_count_ = 0;
    Bases bases_;
    bool followed_ = false;  // the trace follows registers: bases_ has their values
    unsigned told_ = 0;      // of them in this chunk: 1 << register
};

}  // namespace panda::trace
