// Drives one analyzer over the chunks of one shard. Internal to pass.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "trace/chunk.h"
#include "trace/held_events.h"
#include "trace/pass_state.h"

namespace panda::trace {

// Instructions [from, to).
struct InstrRange {
    uint64_t from = 0;
    uint64_t to = ~uint64_t{0};

    bool overlaps(const ChunkSummary& chunk) const {
        return chunk.first_instr < to && chunk.first_instr + std::max<uint64_t>(chunk.instr_count, 1) > from;
    }
    bool contains(const ChunkSummary& chunk) const {
        return chunk.first_instr >= from && chunk.first_instr + chunk.instr_count < to;
    }
};

template <typename Analyzer>
class ShardRunner {
  public:
    // state, analyzer: outlive this.
    ShardRunner(const InstrRange& range, PassState& state, Analyzer& analyzer)
        : range_(range), state_(state), analyzer_(analyzer), cursor_(state.blocks()) {}

    // The next chunk of the shard.
    void take(const Chunk& chunk) {
        state_.start(chunk.summary());
        end_ = chunk.summary().first_instr;
        // The events held back from the chunk before may be of any instr.
        bounded_ = !range_.contains(chunk.summary()) || !held_.empty();
        cursor_.start(chunk);
        using Step = ChunkCursor::Step;
        for (Step step = cursor_.next(); step != Step::end; step = cursor_.next()) {
            if (step == Step::block)
                take_block(cursor_.block());
            else
                take_event(cursor_.event());
        }
    }

    // After the last chunk: what stood before a block that is not there.
    void finish() {
        for (; !held_.empty(); held_.pop())
            deliver(held_.front());
    }

  private:
    void take_block(const BlockExecution& block) {
        end_ = block.instr + block.executed;
        if (bounded_ && (block.instr < range_.from || block.instr >= range_.to)) {
            release(end_);
            return;
        }
        state_.set_instr(block.instr);
        analyzer_.on_block(block);
        if (!held_.empty()) [[unlikely]]
            release(end_);
    }

    void take_event(const Event& event) {
        if (event.instr > end_)
            held_.hold(event);
        else
            deliver(event);
        if (const auto* gap = std::get_if<Gap>(&event.detail))
            end_ += gap->instructions;
    }

    // What happened up to this instr.
    void release(uint64_t instr) {
        for (; !held_.empty() && held_.front().instr <= instr; held_.pop())
            deliver(held_.front());
    }

    void deliver(const Event& event) {
        state_.apply(event);
        if (event.instr < range_.from || event.instr >= range_.to)
            return;
        if constexpr (requires { analyzer_.on_event(event); })
            analyzer_.on_event(event);
    }

    InstrRange range_;
    PassState& state_;
    Analyzer& analyzer_;
    ChunkCursor cursor_;
    HeldEvents held_;
    uint64_t end_ = 0;  // instructions executed up to where the cursor is
    bool bounded_ = false;
};

}  // namespace panda::trace
