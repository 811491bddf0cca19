// Whether each executed block follows from the one before: what the code says against what the trace says.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Where a block can lead when nothing from outside comes between.
struct Successors {
    bool any = false;                   // an indirect branch, a return, or code that is not known
    std::array<uint64_t, 2> targets{};  // linear addresses
    unsigned count = 0;                 // of targets

    bool contains(uint64_t pc) const {
        return any || (count > 0 && targets[0] == pc) || (count > 1 && targets[1] == pc);
    }
};

// By the block's last instruction: the next address, a branch's target, or the same instruction again (string
// instructions with rep, which run one iteration an execution).
Successors successors_of(const BlockView& block);

class BlockChain {
  public:
    // blocks: outlives this.
    explicit BlockChain(const BlockTable& blocks) : blocks_(blocks) {}

    // The next execution. False when it does not follow from the one before and the events between.
    bool on_block(const BlockExecution& block) {
        const BlockExecution previous = previous_;
        previous_ = block;
        if (open_ || previous.id >= known_.size()) [[unlikely]]
            return start(previous, block);
        if (known_[previous.id] == block.id && previous.executed == blocks_.instruction_count(previous.id))
            [[likely]]
            return true;
        return follows(previous, block);
    }
    // Interrupts, exceptions, resets and gaps lead anywhere.
    void on_event(const Event& event);

    // The execution before the one that comes next; nothing at the begin.
    std::optional<BlockExecution> previous() const { return any_ ? std::optional(previous_) : std::nullopt; }
    // What follows this chain is `next`, of another shard: false when next's first block does not follow.
    bool append(const BlockChain& next);

  private:
    bool start(const BlockExecution& previous, const BlockExecution& block);
    bool follows(const BlockExecution& previous, const BlockExecution& block);

    const BlockTable& blocks_;
    std::vector<uint32_t> known_;  // by block id: a successor that was right; no_block: none yet
    BlockExecution previous_;
    BlockExecution first_;
    bool any_ = false;         // there was a block
    bool open_ = true;         // anything may follow: the begin, or an event that leads anywhere
    bool first_open_ = false;  // such an event stood before the first block
    bool event_before_ = false;
};

}  // namespace panda::trace
