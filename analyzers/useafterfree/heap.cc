#include "analyzers/useafterfree/heap.h"

#include <algorithm>

namespace panda::useafterfree {

void Heap::reuse(uint64_t start, uint64_t end) {
    auto block = freed_.upper_bound(start);
    if (block != freed_.begin() && std::prev(block)->second.end() > start)
        --block;
    while (block != freed_.end() && block->first < end)
        block = freed_.erase(block);
}

void Heap::allocate(const Block& block) {
    if (block.end() < block.start)
        return;
    ++allocated_;
    reuse(block.start, block.end());
    live_[block.start] = block;
}

Release Heap::release(uint64_t start, const Moment& when) {
    const auto found = live_.find(start);
    if (found == live_.end())
        return freed_.contains(start) ? Release::twice : Release::unknown;
    Block block = found->second;
    live_.erase(found);
    block.freed = when;
    reuse(block.start, block.end());
    freed_start_ = std::min(freed_start_, block.start);
    freed_end_ = std::max(freed_end_, block.end());
    freed_[start] = block;
    return Release::done;
}

const Block* Heap::find_freed(uint64_t address, uint64_t size) const {
    auto block = freed_.upper_bound(address);
    if (block != freed_.begin() && std::prev(block)->second.end() > address)
        --block;
    return block != freed_.end() && block->first < address + size ? &block->second : nullptr;
}

}  // namespace panda::useafterfree
