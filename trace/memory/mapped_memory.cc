#include "trace/memory/mapped_memory.h"

#include <algorithm>

namespace panda::trace {

const MappedRange* find_range(const MemoryMap& map, uint64_t address) {
    const auto after =
        std::upper_bound(map.ranges.begin(), map.ranges.end(), address,
                         [](uint64_t value, const MappedRange& range) { return value < range.address; });
    if (after == map.ranges.begin() || address - after[-1].address >= after[-1].size)
        return nullptr;
    return &after[-1];
}

std::vector<PhysicalMemory::Range> joined_ranges(const MemoryMap& map) {
    std::vector<PhysicalMemory::Range> ranges;
    for (const MappedRange& range : map.ranges) {
        if (!ranges.empty() && ranges.back().end == range.address)
            ranges.back().end += range.size;
        else
            ranges.push_back({range.address, range.address + range.size});
    }
    return ranges;
}

void MappedMemory::set_maps(std::vector<MemoryMap> maps) {
    maps_ = std::move(maps);
    ranges_.clear();
    select_address_space(0);
}

void MappedMemory::set_map(const MemoryMap& map) {
    while (maps_.size() <= map.address_space)
        maps_.push_back({static_cast<uint32_t>(maps_.size()), {}});
    maps_[map.address_space] = map;
    select_address_space(selected_);
}

bool MappedMemory::select_address_space(uint32_t address_space) {
    if (address_space >= maps_.size())
        return false;
    selected_ = address_space;
    ranges_ = joined_ranges(maps_[address_space]);
    return true;
}

bool MappedMemory::read(uint64_t address, std::span<std::byte> out) const {
    while (!out.empty()) {
        const MappedRange* range = selected_ < maps_.size() ? find_range(maps_[selected_], address) : nullptr;
        if (range == nullptr)
            return false;
        const uint64_t offset = address - range->address;
        const auto part = out.first(std::min<uint64_t>(out.size(), range->size - offset));
        if (!read_block(range->block, range->block_offset + offset, part))
            return false;
        address += part.size();
        out = out.subspan(part.size());
    }
    return true;
}

}  // namespace panda::trace
