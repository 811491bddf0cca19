// Goes through a chunk in the order of time. In a chunk, an event in the middle of a block stands before that
// block; a walk puts it among the block's accesses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "trace/access.h"
#include "trace/reading/chunk.h"
#include "trace/reading/decoded_batch.h"
#include "trace/reading/held_events.h"

namespace panda::trace {

// Use one walk for chunks that follow one another, because it carries events from one chunk into the next.
//
// A visitor has
//     on_block(const BlockExecution&)
//         called at the start of each execution
//     on_accesses(const BlockExecution&, std::span<const Access>)
//         called with CursorColumns::addresses or memory, with what the execution did to memory: once, or several times if
//         there are events between the accesses
//     on_event(const Event&)
//         called for each event
//     begin_group(const AccessGroup&, size_t first, size_t count)
//     end_group()
//         optional, both or none: called before and after the calls for executions [first, first + count) of
//         a group that numbers its stores, and not for other executions. A visitor that keeps memory current
//         then need not look at all accesses: see MemoryFollower::begin_group
//     on_split(uint64_t instr)
//         optional: called before an on_accesses() after which the block goes on, behind an event that comes first;
//         instr: of the event
//     bool done()
//         optional: returns true to end the chunk early
class ChunkWalk {
  public:
    // blocks: as for ChunkCursor.
    explicit ChunkWalk(const BlockTable& blocks) : cursor_(blocks) {}

    // Takes the visitor through a chunk. ahead: a cursor at the chunk's start if another thread decodes it, else null.
    // Throws FileError when the chunk is damaged or contradicts itself, and what the visitor throws.
    template <CursorColumns columns, typename Visitor>
    void go(const Chunk& chunk, Visitor& visitor, BatchCursor* ahead = nullptr) {
        end_ = chunk.summary().first_instr;
        if (ahead != nullptr) {
            go_on<columns>(*ahead, visitor);
            return;
        }
        cursor_.start(chunk, columns);
        go_on<columns>(cursor_, visitor);
    }

    // After the last chunk: calls the visitor for events that were held back for a block that never came.
    template <typename Visitor>
    void finish(Visitor& visitor) {
        for (; !held_.empty(); held_.pop())
            visitor.on_event(held_.front());
    }

    // Whether events are held back for the next chunk.
    bool holds_events() const { return !held_.empty(); }

  private:
    template <CursorColumns columns, typename Cursor, typename Visitor>
    void go_on(Cursor& cursor, Visitor& visitor) {
        using Step = ChunkCursor::Step;
        for (;;) {
            if (held_.empty() && take_whole_blocks<columns>(cursor, visitor))
                return;
            const Step step = cursor.next();
            if (step == Step::end)
                return;
            if (step == Step::block) [[likely]]
                take_block<columns>(cursor, visitor);
            else
                take_event(cursor.event(), visitor);
            if (is_done(visitor))
                return;
        }
    }

    template <typename Visitor>
    static bool is_done(const Visitor& visitor) {
        if constexpr (requires { visitor.done(); })
            return visitor.done();
        else
            return false;
    }

    // Takes whole executions as long as nothing else stands between them. Returns whether the visitor is
    // done.
    template <CursorColumns columns, typename Cursor, typename Visitor>
    bool take_whole_blocks(Cursor& cursor, Visitor& visitor) {
        bool done = false;
        if constexpr (columns == CursorColumns::blocks) {
            done = cursor.next_whole_blocks([&](const BlockExecution& block) {
                visitor.on_block(block);
                return is_done(visitor);
            });
        } else {
            while (!done) {
                const ChunkCursor::NextGroup group = cursor.next_group();
                if (group.count == 0)
                    break;
                done = take_group(cursor, group, visitor);
            }
        }
        end_ = cursor.instr();
        return done;
    }

    template <typename Cursor, typename Visitor>
    bool take_group(Cursor& cursor, const ChunkCursor::NextGroup& group, Visitor& visitor) {
        constexpr bool grouped = requires { visitor.begin_group(group.accesses, group.first, group.count); };
        if constexpr (grouped)
            if (group.numbers_stores)
                visitor.begin_group(group.accesses, group.first, group.count);
        const bool done =
            cursor.take_group(group, [&](const BlockExecution& block, std::span<const Access> accesses) {
                visitor.on_block(block);
                visitor.on_accesses(block, accesses);
                return is_done(visitor);
            });
        if constexpr (grouped)
            if (group.numbers_stores)
                visitor.end_group();
        return done;
    }

    template <CursorColumns columns, typename Cursor, typename Visitor>
    void take_block(Cursor& cursor, Visitor& visitor) {
        const BlockExecution& block = cursor.block();
        end_ = block.instr + block.executed;
        visitor.on_block(block);
        std::span<const Access> accesses;
        if constexpr (columns != CursorColumns::blocks)
            accesses = cursor.accesses();
        if (!held_.empty()) [[unlikely]]
            accesses = release<columns>(block, accesses, visitor);
        if constexpr (columns != CursorColumns::blocks)
            visitor.on_accesses(block, accesses);
    }

    // Hands over the events inside the block, and the accesses before them; returns the remaining accesses.
    template <CursorColumns columns, typename Visitor>
    std::span<const Access> release(const BlockExecution& block, std::span<const Access> accesses,
                                    Visitor& visitor) {
        for (; !held_.empty() && held_.front().instr <= end_; held_.pop()) {
            const Event& event = held_.front();
            const uint64_t executed = event.instr - std::min(event.instr, block.instr);
            if constexpr (columns != CursorColumns::blocks) {
                const auto later = std::find_if(accesses.begin(), accesses.end(), [&](const Access& access) {
                    return access.instruction >= executed;
                });
                const auto count = static_cast<size_t>(later - accesses.begin());
                if constexpr (requires { visitor.on_split(event.instr); })
                    visitor.on_split(event.instr);
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
    uint64_t end_ = 0;  // instr of the place that the cursor has reached
};

}  // namespace panda::trace
