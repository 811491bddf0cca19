#include "analyzers/execution/pc_search.h"

#include <algorithm>

namespace panda::execution {

bool PcSearch::is_wanted(uint64_t pc) const {
    return std::any_of(options_->ranges.begin(), options_->ranges.end(),
                       [pc](const coverage::PcRange& range) { return pc >= range.from && pc < range.to; });
}

void PcSearch::grow() {
    const trace::BlockTable& blocks = state_->blocks();
    for (auto id = static_cast<uint32_t>(wanted_.size()); id < blocks.size(); ++id) {
        const trace::BlockView view = blocks[id];
        wanted_.push_back(std::any_of(view.instruction_offsets.begin(), view.instruction_offsets.end(),
                                      [&](uint16_t offset) { return is_wanted(view.pc + offset); }));
    }
}

void PcSearch::look_at(const trace::BlockExecution& block) {
    const trace::BlockView view = state_->blocks()[block.id];
    for (uint32_t number = 0; number < view.instruction_offsets.size() && number <= block.executed;
         ++number) {
        const uint64_t pc = view.pc + view.instruction_offsets[number];
        if (is_wanted(pc))
            add({block.instr + number, pc, state_->asid()});
    }
}

void PcSearch::add(const PcHit& hit) {
    if (!options_->first_last_only) {
        hits_.push_back(hit);
        return;
    }
    const auto [entry, fresh] = ends_.try_emplace(hit.pc, hit, hit);
    if (!fresh)
        entry->second.second = hit;
}

void PcSearch::append(PcSearch&& next) {
    hits_.insert(hits_.end(), next.hits_.begin(), next.hits_.end());
    for (const auto& [pc, hits] : next.ends_) {
        add(hits.first);
        add(hits.second);
    }
}

std::vector<PcHit> PcSearch::hits() const {
    std::vector<PcHit> all = hits_;
    for (const auto& [pc, hits] : ends_) {
        all.push_back(hits.first);
        if (hits.second.instr != hits.first.instr)
            all.push_back(hits.second);
    }
    return all;
}

}  // namespace panda::execution
