#include "analyzers/coverage/block_runs.h"

namespace panda::coverage {

void BlockRuns::on_block(const trace::BlockExecution& block) {
    const uint64_t asid = state_->asid();
    if (depth_.on_block(block, asid) != InterruptDepth::Kind::none)
        return;
    if (options_->asid && state_->asid_of(*options_->asid) != asid)
        return;
    const uint64_t pc = state_->blocks().pc(block.id);
    if (options_->begin && pc == *options_->begin)
        spaces_[asid].begun = true;
    const auto found = spaces_.find(asid);
    if (options_->begin && (found == spaces_.end() || !found->second.begun))
        return;
    Space& space = found == spaces_.end() ? spaces_[asid] : found->second;
    if (space.last.size() == options_->longest)
        space.last.erase(space.last.begin());
    space.last.push_back(pc);
    for (size_t length = 1; length <= space.last.size(); ++length)
        ++space.runs[BlockRun(space.last.end() - static_cast<ptrdiff_t>(length), space.last.end())];
}

void BlockRuns::on_event(const trace::Event& event) {
    depth_.on_event(event, state_->asid());
    // What the gap leaves out is not known to follow.
    if (std::holds_alternative<trace::Gap>(event.detail))
        for (auto& [asid, space] : spaces_)
            space.last.clear();
}

}  // namespace panda::coverage
