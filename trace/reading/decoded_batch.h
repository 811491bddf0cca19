// Parts of a chunk that one thread decodes for another one.
//
// A chunk of a million executions takes some 70 MB when it is decoded, and a hostile one takes as much as it likes. So it
// is handed over in batches of at most about 2 MB, which are used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/access_group.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// What a ChunkCursor tells, kept. Steps refer to the arrays behind them.
struct DecodedBatch {
    enum class Kind : uint8_t {
        group,  // whole executions whose accesses were decoded together; without memory, any whole executions
        block,  // one execution, whole or cut
        event,
    };
    struct Step {
        Kind kind = Kind::event;
        bool numbers_stores = false;  // of a group: see AccessGroup
        uint32_t executed = 0;        // of a block: instructions
        uint32_t count = 0;           // executions
        size_t accesses = 0;          // of a group or a block: where its accesses start
        size_t begins = 0;            // of a group: where its entries in `begins` and `store_begins` start
        size_t stores = 0;            // of a group: where its entries in `stores` start
    };

    std::vector<Step> steps;
    std::vector<uint32_t> ids;  // of all executions, one after another
    std::vector<Access> accesses;
    std::vector<uint32_t> begins;        // of groups, as in AccessGroup
    std::vector<uint32_t> store_begins;  // of groups that number their stores, zeros for others
    std::vector<uint32_t> stores;
    std::vector<Event> events;   // of the steps that are events, one after another
    bool last = false;           // the chunk ends here
    std::exception_ptr failure;  // what is wrong with the chunk behind these steps; then it ends here

    // The accesses of a group.
    AccessGroup group(const Step& step) const {
        return {accesses.data() + step.accesses, begins.data() + step.begins, stores.data() + step.stores,
                store_begins.data() + step.begins};
    }
    void clear();
};

// Fills batches, on the thread that decodes.
class BatchDecoder {
  public:
    // blocks: as for ChunkCursor.
    explicit BatchDecoder(const BlockTable& blocks) : cursor_(blocks) {}
    // Starts a chunk. Throws as ChunkCursor::start().
    void start(const Chunk& chunk, CursorColumns columns);
    // Fills an empty batch with what comes next. Does not throw what is wrong with the chunk: see
    // DecodedBatch::failure.
    void fill(DecodedBatch& batch);

  private:
    void fill_with_blocks(DecodedBatch& batch);
    bool take_next(DecodedBatch& batch);
    void take_group(DecodedBatch& batch, const ChunkCursor::NextGroup& group);

    ChunkCursor cursor_;
    bool with_memory_ = false;
};

// Goes through a chunk by its batches, on the thread that uses them: what ChunkWalk needs of a ChunkCursor.
class BatchCursor {
  public:
    using Step = ChunkCursor::Step;
    using NextGroup = ChunkCursor::NextGroup;
    // Returns the chunk's next batch, which is valid until the next call.
    using Next = std::function<const DecodedBatch&()>;

    explicit BatchCursor(const BlockTable& blocks) : blocks_(blocks) {}
    // Starts a chunk that begins at this instr.
    void start(uint64_t first_instr, Next next);

    // As in ChunkCursor. They throw what is wrong with the chunk.
    Step next();
    NextGroup next_group();
    template <typename OnBlock>
    bool take_group(const NextGroup& group, const OnBlock& on_block) {
        const uint32_t* ids = batch_->ids.data() + id_;
        uint32_t at = 0;
        bool done = false;
        while (at != group.count && !done) {
            const BlockExecution block{ids[at], blocks_.instruction_count(ids[at]), instr_};
            instr_ += block.executed;
            done = on_block(block, group.accesses[group.first + at]);
            ++at;
        }
        pass_by(at);
        return done;
    }
    template <typename OnBlock>
    bool next_whole_blocks(const OnBlock& on_block) {
        bool done = false;
        while (!done) {
            const NextGroup group = next_group();
            if (group.count == 0)
                break;
            done = take_group(
                group, [&](const BlockExecution& block, std::span<const Access>) { return on_block(block); });
        }
        return done;
    }
    uint64_t instr() const { return instr_; }
    const BlockExecution& block() const { return block_; }
    std::span<const Access> accesses() const { return accesses_; }
    const Event& event() const { return *event_; }

  private:
    // Goes past executions of the group that is the current step.
    void pass_by(uint32_t count);
    bool find_step();

    const BlockTable& blocks_;
    Next next_;
    const DecodedBatch* batch_ = nullptr;
    size_t step_ = 0;      // in the batch
    uint32_t taken_ = 0;   // executions of that step, if it is a group
    size_t id_ = 0;        // of the next execution, in the batch
    size_t event_at_ = 0;  // of the next event, in the batch
    uint64_t instr_ = 0;
    BlockExecution block_;
    std::span<const Access> accesses_;
    const Event* event_ = nullptr;
};

}  // namespace panda::trace
