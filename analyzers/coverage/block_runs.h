// How often each run of up to n blocks was executed, one after another; PANDA's plugin edge_coverage.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "analyzers/coverage/interrupt_depth.h"
#include "trace/pass/pass_state.h"

namespace panda::coverage {

inline constexpr uint64_t max_run_length = 16;

struct BlockRunOptions {
    unsigned longest = 1;  // blocks in a run
    std::optional<uint64_t> begin =
        {};  // only what an address space runs from here on: a block's first address
    std::optional<uint64_t> asid = {};
};

// The program counters of blocks, oldest first.
using BlockRun = std::vector<uint64_t>;

// An analyzer (trace/pass/pass.h), of one thread. Code that serves interrupts and exceptions is left out.
class BlockRuns {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;

    // Both must outlive this.
    BlockRuns(const trace::PassState& state, const BlockRunOptions& options)
        : state_(&state), options_(&options), depth_(state.blocks()) {}

    void on_block(const trace::BlockExecution& block);
    void on_event(const trace::Event& event);
    void append(BlockRuns&&) {}

    struct Space {
        std::map<BlockRun, uint64_t> runs;  // to how often
        std::vector<uint64_t> last;         // blocks, at most the longest run
        bool begun = false;
    };
    // By address space.
    const std::map<uint64_t, Space>& spaces() const { return spaces_; }

  private:
    const trace::PassState* state_;
    const BlockRunOptions* options_;
    InterruptDepth depth_;
    std::map<uint64_t, Space> spaces_;
};

}  // namespace panda::coverage
