// Checks that each executed block follows from the one before: compares the code with what the trace says.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Where a block can lead if nothing from outside comes between.
struct Successors {
    bool any = false;                   // an indirect branch, a return, or code that is not known
    std::array<uint64_t, 2> targets{};  // linear addresses
    unsigned count = 0;                 // how many targets there are

    // Whether the block can lead to this linear address.
    bool contains(uint64_t pc) const {
        return any || (count > 0 && targets[0] == pc) || (count > 1 && targets[1] == pc);
    }
};

// Finds these from the block's last instruction: the next address, a branch's target, or the same instruction
// again (string instructions with rep, which run one iteration in each execution).
Successors successors_of(const BlockView& block);

class BlockChain {
  public:
    // blocks: of the trace; must outlive this.
    explicit BlockChain(const BlockTable& blocks) : blocks_(blocks) {}

    // Takes the next execution. Returns false if it does not follow from the one before and the events
    // between.
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
    // Takes the next event. After an interrupt, exception, reset or gap, any block may follow.
    void on_event(const Event& event);

    // The last execution so far; nothing at the start.
    std::optional<BlockExecution> previous() const { return any_ ? std::optional(previous_) : std::nullopt; }
    // Puts the chain of the shard that follows behind this one. Returns false if its first block does not
    // follow.
    bool append(const BlockChain& next);

  private:
    bool start(const BlockExecution& previous, const BlockExecution& block);
    bool follows(const BlockExecution& previous, const BlockExecution& block);

    const BlockTable& blocks_;
    std::vector<uint32_t> known_;  // by block id: a successor known to be right, or no_block
    BlockExecution previous_;
    BlockExecution first_;
    bool any_ = false;         // there was a block
    bool open_ = true;         // any block may follow: at the start, or after such an event
    bool first_open_ = false;  // such an event was before the first block
    bool event_before_ = false;
};

}  // namespace panda::trace
