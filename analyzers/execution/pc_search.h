// When instructions at given addresses were executed; PANDA's plugin pc_search.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "analyzers/coverage/selection.h"
#include "trace/pass/pass_state.h"

namespace panda::execution {

struct PcHit {
    uint64_t instr = 0;
    uint64_t pc = 0;
    uint64_t asid = 0;

    bool operator==(const PcHit&) const = default;
};

// What is looked for, and how much of it is kept.
struct PcSearchOptions {
    std::vector<coverage::PcRange> ranges;  // one address is a range of one
    bool first_last_only = false;           // of each address
};

// An analyzer (trace/pass/pass.h). An instruction counts where it begins to run, also if it faults.
class PcSearch : public trace::IgnoresEvents {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;

    // Both must outlive this.
    PcSearch(const trace::PassState& state, const PcSearchOptions& options)
        : state_(&state), options_(&options) {}

    void on_block(const trace::BlockExecution& block) {
        if (block.id >= wanted_.size()) [[unlikely]]
            grow();
        if (wanted_[block.id]) [[unlikely]]
            look_at(block);
    }
    void append(PcSearch&& next);

    // In the order of time; with first_last_only by address, at most two of each.
    std::vector<PcHit> hits() const;

  private:
    void grow();
    void look_at(const trace::BlockExecution& block);
    void add(const PcHit& hit);
    bool is_wanted(uint64_t pc) const;

    const trace::PassState* state_;
    const PcSearchOptions* options_;
    std::vector<bool> wanted_;  // by block id
    std::vector<PcHit> hits_;
    std::map<uint64_t, std::pair<PcHit, PcHit>> ends_;  // first and last, by address
};

}  // namespace panda::execution
