#include "analyzers/blocks/hot_blocks.h"

#include <utility>

namespace panda::analyze_blocks {

bool is_user(const trace::BlockTable& blocks, uint32_t id) {
    constexpr uint64_t privilege_mask = 3;  // HF_CPL_MASK in QEMU's target/i386/cpu.h
    return (blocks[id].flags & privilege_mask) == 3;
}

HotBlocks::HotBlocks(const trace::PassState& state, const Selection& selection)
    : state_(&state), selection_(selection) {}

// For a pipe the table grows during the pass.
void HotBlocks::grow() {
    const trace::BlockTable& blocks = state_->blocks();
    for (auto id = static_cast<uint32_t>(counters_.size()); id < blocks.size(); ++id) {
        const bool user = is_user(blocks, id);
        const bool selected =
            selection_.privilege == Privilege::any || (selection_.privilege == Privilege::user) == user;
        counters_.push_back((user ? user_bit : 0) | (selected ? 0 : declined_bit));
    }
    samples_.resize(counters_.size());
}

void HotBlocks::begin_run(uint64_t kind, uint64_t instr) {
    end_run();
    kind_ = kind;
    begin_ = instr;
    cr3_ = state_->cr3();
    asid_ = state_->asid();
    space_selected_ = !selection_.asid || state_->asid_of(*selection_.asid) == asid_;
}

void HotBlocks::end_run() {
    const uint64_t kind = std::exchange(kind_, no_kind);
    if (kind == no_kind)
        return;
    const auto [entry, fresh] = spaces_.try_emplace(asid_);
    SpaceCount& space = entry->second;
    if (fresh)
        space.first_instr = begin_;
    space.last_instr = end_;
    if (space_selected_ && (kind & declined_bit) == 0)
        *((kind & user_bit) != 0 ? &space.user : &space.kernel) += end_ - begin_;
}

void HotBlocks::append(HotBlocks&& next) {
    end_run();
    next.end_run();
    for (size_t id = counters_.size(); id < next.counters_.size(); ++id) {
        counters_.push_back(next.counters_[id] % one_execution);
        samples_.emplace_back();
    }
    for (size_t id = 0; id < next.counters_.size(); ++id) {
        // The one with the most executions has the sample.
        if (next.counters_[id] / one_execution > counters_[id] / one_execution)
            samples_[id] = next.samples_[id];
        counters_[id] += next.counters_[id] & ~(one_execution - 1);
    }
    for (const auto& [id, instructions] : next.missing_)
        missing_[id] += instructions;
    for (const auto& [asid, count] : next.spaces_) {
        const auto [entry, fresh] = spaces_.try_emplace(asid, count);
        if (fresh)
            continue;
        entry->second.kernel += count.kernel;
        entry->second.user += count.user;
        entry->second.last_instr = count.last_instr;
    }
}

std::vector<BlockCount> HotBlocks::blocks(const trace::BlockTable& blocks) const {
    std::vector<BlockCount> counts;
    for (uint32_t id = 0; id < counters_.size(); ++id) {
        const uint64_t executions = (counters_[id] & declined_bit) != 0 ? 0 : counters_[id] / one_execution;
        counts.push_back({executions, executions * blocks.instruction_count(id), samples_[id]});
    }
    for (const auto& [id, instructions] : missing_)
        if (counts[id].executions != 0)
            counts[id].instructions -= instructions;
    return counts;
}

const std::map<uint64_t, SpaceCount>& HotBlocks::spaces() {
    end_run();
    return spaces_;
}

}  // namespace panda::analyze_blocks
