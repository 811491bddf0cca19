// Goes through a chunk in the order of time. A chunk puts an event that is in the middle of a block before
// that block; here it comes among the block's accesses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "trace/access.h"
#include "trace/reading/chunk.h"
#include "trace/reading/held_events.h"

namespace panda::trace {

// Carries the events that were held back from chunk to chunk: one walk for chunks that follow one another.
//
// A visitor has
//     on_block(const BlockExecution&)
//         at the begin of each execution
//     on_accesses(const BlockExecution&, std::span<const Access>)
//         with CursorColumns::memory: what it did, in one call, or in several with events between them
//     on_event(const Event&)
//     begin_group(const AccessGroup&, size_t first, size_t count)
//     end_group()
//         may be left out, both: before and after the calls for executions [first, first + count) of a group
//         that numbers its stores; other executions come without. Whoever keeps memory current need not look
//         at all accesses then: see MemoryFollower::begin_group
//     bool done()
//         may be left out; true ends the chunk early
class ChunkWalk {
  public:
    // blocks: as for ChunkCursor.
    explicit ChunkWalk(const BlockTable& blocks) : cursor_(blocks) {}

    // Throws FileError when the chunk is damaged or contradicts itself.
    template <CursorColumns columns, typename Visitor>
    void go(const Chunk& chunk, Visitor& visitor) {
        cursor_.start(chunk, columns);
        end_ = chunk.summary().first_instr;
        using Step = ChunkCursor::Step;
        for (;;) {
            if (held_.empty() && take_whole_blocks<columns>(visitor))
                return;
            const Step step = cursor_.next();
            if (step == Step::end)
                return;
            if (step == Step::block) [[likely]]
                take_block<columns>(visitor);
            else
                take_event(cursor_.event(), visitor);
            if (is_done(visitor))
                return;
        }
    }

    // After the last chunk: what stood before a block that is not there.
    template <typename Visitor>
    void finish(Visitor& visitor) {
        for (; !held_.empty(); held_.pop())
            visitor.on_event(held_.front());
    }

    bool holds_events() const { return !held_.empty(); }

  private:
    template <typename Visitor>
    static bool is_done(const Visitor& visitor) {
        if constexpr (requires { visitor.done(); })
            return visitor.done();
        else
            return false;
    }

    // Those that nothing stands between. Returns whether the visitor is done.
    template <CursorColumns columns, typename Visitor>
    bool take_whole_blocks(Visitor& visitor) {
        bool done = false;
        if constexpr (columns == CursorColumns::blocks) {
            done = cursor_.next_whole_blocks([&](const BlockExecution& block) {
                visitor.on_block(block);
                return is_done(visitor);
            });
        } else {
            while (!done) {
                const ChunkCursor::NextGroup group = cursor_.next_group();
                if (group.count == 0)
                    break;
                done = take_group(group, visitor);
            }
        }
        end_ = cursor_.instr();
        return done;
    }

    template <typename Visitor>
    bool take_group(const ChunkCursor::NextGroup& group, Visitor& visitor) {
        constexpr bool grouped = requires { visitor.begin_group(group.accesses, group.first, group.count); };
        if constexpr (grouped)
            if (group.numbers_stores)
                visitor.begin_group(group.accesses, group.first, group.count);
        const bool done =
            cursor_.take_group(group, [&](const BlockExecution& block, std::span<const Access> accesses) {
                visitor.on_block(block);
                visitor.on_accesses(block, accesses);
                return is_done(visitor);
            });
        if constexpr (grouped)
            if (group.numbers_stores)
                visitor.end_group();
        return done;
    }

    template <CursorColumns columns, typename Visitor>
    void take_block(Visitor& visitor) {
        const BlockExecution& block = cursor_.block();
        end_ = block.instr + block.executed;
        visitor.on_block(block);
        std::span<const Access> accesses;
        if constexpr (columns == CursorColumns::memory)
            accesses = cursor_.accesses();
        if (!held_.empty()) [[unlikely]]
            accesses = release<columns>(block, accesses, visitor);
        if constexpr (columns == CursorColumns::memory)
            visitor.on_accesses(block, accesses);
    }

    // Hands over the events inside of the block, and the accesses before them; returns the other accesses.
    template <CursorColumns columns, typename Visitor>
    std::span<const Access> release(const BlockExecution& block, std::span<const Access> accesses,
                                    Visitor& visitor) {
        for (; !held_.empty() && held_.front().instr <= end_; held_.pop()) {
            const Event& event = held_.front();
            const uint64_t executed = event.instr - std::min(event.instr, block.instr);
            if constexpr (columns == CursorColumns::memory) {
                const auto later = std::find_if(accesses.begin(), accesses.end(), [&](const Access& access) {
                    return access.instruction >= executed;
                });
                const auto count = static_cast<size_t>(later - accesses.begin());
                visitor.on_accesses(block, accesses.first(count));
                accesses = accesses.subspan(count);
            }
            visitor.on_event(event);
        }
        return accesses;
    }

    template <typename Visitor>
    void take_event(const Event& event, Visitor& visitor) {
        if (event.instr > end_)
            held_.hold(event);
        else
            visitor.on_event(event);
        if (const auto* gap = std::get_if<Gap>(&event.detail))
            end_ += gap->instructions;
    }

    ChunkCursor cursor_;
    HeldEvents held_;
    uint64_t end_ = 0;  // instructions executed up to where the cursor is
};

}  // namespace panda::trace
