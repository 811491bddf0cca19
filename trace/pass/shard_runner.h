// Drives one analyzer over the chunks of one shard. Internal to pass.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "trace/pass/contract.h"
#include "trace/pass/pass_state.h"
#include "trace/reading/chunk.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"

namespace panda::trace {

// Instructions [from, to).
struct InstrRange {
    uint64_t from = 0;
    uint64_t to = ~uint64_t{0};

    // Whether the range and these instructions have one in common. Zero instructions count as one.
    bool overlaps(uint64_t first_instr, uint64_t instr_count) const {
        return first_instr < to && first_instr + std::max<uint64_t>(instr_count, 1) > from;
    }
    // Whether everything in the chunk, the events at its end too, is inside the range.
    bool contains(const ChunkSummary& chunk) const {
        return chunk.first_instr >= from && chunk.first_instr + chunk.instr_count < to;
    }
};

// A visitor of ChunkWalk that keeps the state current and calls the analyzer for what is in the range.
template <typename Analyzer>
class ShardRunner {
  public:
    static constexpr PassNeeds needs = needs_of<Analyzer>();
    static constexpr CursorColumns columns = needs == PassNeeds::blocks      ? CursorColumns::blocks
                                             : needs == PassNeeds::addresses ? CursorColumns::addresses
                                                                             : CursorColumns::memory;

    static constexpr bool with_registers = needs_registers_of<Analyzer>();
    static constexpr bool with_values = contract::declares_on_values<Analyzer>();

    // path: of the trace, for errors. state, analyzer: must outlive this.
    ShardRunner(const std::string& path, const InstrRange& range, PassState& state, Analyzer& analyzer)
        : path_(path), range_(range), state_(state), analyzer_(analyzer), walk_(state.blocks()) {}

    // Goes through the next chunk of the shard. told: false only keeps the state current. ahead: as for ChunkWalk.
    void take(const Chunk& chunk, bool told, BatchCursor* ahead = nullptr) {
        told_ = told;
        // Events that were held back from the chunk before may be of any instr.
        bounded_ = !told || !range_.contains(chunk.summary()) || walk_.holds_events();
        in_chunk(path_, chunk, [&] {
            state_.start(chunk);
            if constexpr (with_registers)
                state_.start_registers(chunk);
            walk_.template go<columns>(chunk, *this, ahead);
            if constexpr (with_registers)
                state_.end_registers();
        });
        if (state_.memory_known() && state_.memory().lost_stores() != 0)
            state_.memory().require_nothing_lost();
    }

    // After the last chunk: calls the analyzer for events that were held back for a block that never came.
    void finish() { walk_.finish(*this); }

    // --- For ChunkWalk ---
    void on_block(const BlockExecution& block) {
        state_.begin_block(block);
        if constexpr (with_registers)
            state_.begin_block_registers(block);
        in_range_ = !bounded_ || (told_ && block.instr >= range_.from && block.instr < range_.to);
        if (in_range_)
            analyzer_.on_block(block);
    }
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        if constexpr (contract::declares_on_accesses<Analyzer>())
            if (in_range_)
                analyzer_.on_accesses(block, accesses);
        if constexpr (with_values) {
            const std::span<const Access> known = state_.apply_with_values(accesses);
            if (in_range_)
                analyzer_.on_values(block, known);
        } else if constexpr (needs == PassNeeds::memory) {
            state_.apply(accesses);
        }
        if constexpr (contract::declares_after_accesses<Analyzer>())
            if (in_range_)
                analyzer_.after_accesses(block);
    }
    void begin_group(const AccessGroup& group, size_t first, size_t)
        requires(needs == PassNeeds::memory && !with_values)
    {
        state_.begin_group(group, first);
    }
    void end_group()
        requires(needs == PassNeeds::memory && !with_values)
    {
        state_.end_group();
    }
    void on_event(const Event& event) {
        state_.apply(event);
        if constexpr (contract::declares_on_event<Analyzer>())
            if (told_ && event.instr >= range_.from && event.instr < range_.to)
                analyzer_.on_event(event);
    }

  private:
    std::string path_;
    InstrRange range_;
    PassState& state_;
    Analyzer& analyzer_;
    ChunkWalk walk_;
    bool told_ = true;
    bool bounded_ = false;  // blocks of the chunk may be out of the range
    bool in_range_ = true;  // the current block is in it
};

}  // namespace panda::trace
