// The encoder of a chunk's memory columns: takes block executions with their words as they come and turns
// them into finished byte streams at once. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "trace/address_codec.h"
#include "trace/inner_codec.h"
#include "trace/limits.h"
#include "trace/memory_plan.h"
#include "trace/memory_state.h"
#include "trace/message.h"
#include "trace/page_tracker.h"
#include "trace/shape_codec.h"
#include "trace/value_codec.h"
#include "trace/writer.h"

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

    // The next block's operations; checked.
    void define(std::span<const MemoryOperation> operations);
    // The next execution of the chunk. words: see MemoryOperation.
    void append(uint32_t id, const uint64_t* words) {
        const BlockPlan& block = plans_[id];
        states_.enter(id, block);
        if (block.conditionals != 0 || !pending_.empty())
            append_slowly(block, whole, words);
        else if (block.operations == 0)
            ;  // a third of the executions
        else if (with_values_)
            append_plain(block, words);
        else
            append_addresses(block, words);
        ++position_;
    }
    // Hints that an execution of this block comes soon, and then that it comes sooner.
    void prefetch(uint32_t id) const {
        plans_.prefetch(id);
        states_.prefetch(id);
    }
    void prefetch_states(uint32_t id) const {
        const BlockPlan& block = plans_[id];
        plans_.prefetch_operations(block);
        states_.prefetch(block);
    }
    // Of an execution of this block.
    uint32_t words(uint32_t id) const { return uint32_t{plans_[id].addresses} + plans_[id].values; }
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
    // The chunk, which is empty, begins with these translations.
    void begin(std::span<const Translation> translations);

  private:
    bool enough_bytes() const;

    // Inner events that may wait for one execution, and the chunk's that leave room for them.
    static constexpr uint32_t max_pending = 1u << 16;
    static constexpr uint32_t enough_inner_events = max_chunk_inner_events - max_pending;
    static constexpr uint32_t whole = ~uint32_t{0};  // instructions executed

    // Without values: the stores of a block whose addresses follow from one address word, its own among
    // them, are in bytes from address + start on. As these are at most a page's size, the stored-to pages are
    // those of the first byte and of the last.
    struct StoreSpan {
        static constexpr uint16_t none = 0;
        static constexpr uint16_t scattered = 0xffff;  // not so: each is to be looked at

        int32_t start = 0;
        uint16_t bytes = none;
    };

    // Where the coding of an execution is: the next word and states.
    struct Walk {
        const uint64_t* words;
        AddressState* address;
        ValueState* value;
    };

    Walk walk(const BlockPlan& block, const uint64_t* words) {
        return {words, states_.addresses(block), states_.values(block)};
    }
    void append_plain(const BlockPlan& block, const uint64_t* words);
    void append_addresses(const BlockPlan& block, const uint64_t* words);
    void note_stores(const BlockPlan& block, uint32_t number, uint64_t address);
    void append_slowly(const BlockPlan& block, uint32_t executed, const uint64_t* words);
    template <bool with_values>
    void code(const PlannedOperation& operation, uint32_t number, Walk& walk);
    template <bool with_values>
    void code_store(const PlannedOperation& operation, uint64_t address, Walk& walk);
    void code_wide_value(uint64_t address, Walk& walk);
    static void pass_over(const PlannedOperation& operation, Walk& walk);
    void define_stores(const BlockPlan& block);
    void code_pending(size_t& next, uint32_t place);
    void code_inner(const InnerEvent& event);
    void settle_first_translations();

    bool with_values_;
    MemoryPlans plans_;
    MemoryStates states_;
    std::vector<StoreSpan> store_spans_;  // by address word, as AddressStates are
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
    std::array<uint64_t, max_block_operations> current_{};  // addresses of the execution's operations
};

}  // namespace panda::trace
