#include "analyzers/coverage/collector.h"

#include <algorithm>

#include "analyzers/callstack/flow.h"

namespace panda::coverage {

void Collector::grow() {
    for (auto id = static_cast<uint32_t>(kinds_.size()); id < blocks_->size(); ++id) {
        const trace::BlockView block = (*blocks_)[id];
        const bool returns = callstack::flow_of(block).kind == callstack::FlowKind::interrupt_return;
        kinds_.push_back(static_cast<uint8_t>((is_user(block) ? user : 0) |
                                              (options_->selection.takes(block) ? 0 : declined) |
                                              (returns ? interrupt_return : 0)));
    }
}

void Collector::enter(const Space& space) {
    const auto entry = spaces_.try_emplace(space).first;
    space_ = &entry->first;
    current_ = &entry->second;
    // Another thread's last block in the kernel does not lead here.
    current_->last[0] = SpaceCounts::no_block;
}

void Collector::add_more(const trace::BlockExecution& block, uint8_t kind) {
    uint32_t& last = current_->last[kind & user];
    if (options_->sink != nullptr && !options_->edges)
        options_->sink->on_block(*space_, (*blocks_)[block.id], block.instr);
    if (options_->edges && last != SpaceCounts::no_block) {
        Count& count = current_->edges[uint64_t{last} << 32 | block.id];
        if (count.executions++ == 0)
            count.first_instr = block.instr;
        if (options_->sink != nullptr)
            options_->sink->on_edge(*space_, (*blocks_)[last], (*blocks_)[block.id], block.instr);
    }
    last = (kind & (interrupt_return | user)) == interrupt_return ? SpaceCounts::no_block : block.id;
}

void Collector::append(Collector&& next) {
    for (auto& [space, counts] : next.spaces_) {
        const auto [entry, fresh] = spaces_.try_emplace(space);
        SpaceCounts& mine = entry->second;
        if (fresh) {
            mine = std::move(counts);
            continue;
        }
        counts.blocks.for_each([&](uint32_t id, const Count& count) {
            Count& sum = mine.blocks[id];
            if (sum.executions == 0)
                sum.first_instr = count.first_instr;
            sum.executions += count.executions;
        });
        for (const auto& [cut, executions] : counts.cuts)
            mine.cuts[cut] += executions;
    }
    current_ = nullptr;
}

}  // namespace panda::coverage
