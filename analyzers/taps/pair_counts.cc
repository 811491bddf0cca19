#include "analyzers/taps/pair_counts.h"

#include <algorithm>

namespace panda::taps {

void PairCounts::Table::grow() {
    constexpr size_t first_size = 8;
    std::vector<Slot> old(slots_.empty() ? first_size : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
        if (slot.count != 0)
            find(slot.key) = slot;
}

std::vector<std::pair<uint16_t, uint32_t>> PairCounts::pairs(uint32_t tap) const {
    std::vector<std::pair<uint16_t, uint32_t>> found;
    if (tap < taps_.size())
        taps_[tap].pairs.for_each([&](uint16_t key, uint32_t count) { found.emplace_back(key, count); });
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace panda::taps
