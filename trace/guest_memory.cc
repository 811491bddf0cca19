#include "trace/guest_memory.h"

#include <algorithm>

#include "common/error.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

// Ranges of guest physical addresses, those that touch joined.
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

}  // namespace

GuestMemory::GuestMemory(const TraceHeader& header, uint64_t cache_bytes)
    : blocks_(header.memory_blocks),
      cached_groups_(std::max<uint64_t>(1, cache_bytes / (max_pages_per_message * page_size))) {}

void GuestMemory::apply(const Snapshot& snapshot) {
    if (snapshot.kind == SnapshotKind::full) {
        groups_.clear();
        contents_.clear();
        loaded_.clear();
        pages_.clear();
    } else if (applied_ + 1 != int64_t{snapshot.number}) {
        throw Error("snapshot " + std::to_string(snapshot.number) +
                    " holds changed pages only, and the one before it is missing");
    }
    applied_ = snapshot.number;
    for (const PageGroup& group : *snapshot.groups_)
        apply_group(group);
    contents_.resize(groups_.size());
    maps_ = snapshot.memory_maps;
    map_ = nullptr;
    ranges_.clear();
    select_address_space(0);
}

void GuestMemory::apply_group(const PageGroup& group) {
    for (const uint32_t page : group.zero_pages)
        pages_.erase(page_key(group.block, page));
    const auto number = static_cast<uint32_t>(groups_.size());
    for (uint32_t slot = 0; slot < group.pages.size(); ++slot)
        pages_[page_key(group.block, group.pages[slot])] = {number, slot};
    groups_.push_back(group);
}

bool GuestMemory::select_address_space(uint32_t address_space) {
    if (address_space >= maps_.size())
        return false;
    map_ = &maps_[address_space];
    ranges_ = joined_ranges(*map_);
    return true;
}

bool GuestMemory::read(uint64_t address, std::span<std::byte> out) const {
    while (!out.empty()) {
        if (map_ == nullptr)
            return false;
        const auto after =
            std::upper_bound(map_->ranges.begin(), map_->ranges.end(), address,
                             [](uint64_t value, const MappedRange& range) { return value < range.address; });
        if (after == map_->ranges.begin())
            return false;
        const MappedRange& range = after[-1];
        const uint64_t offset = address - range.address;
        if (offset >= range.size)
            return false;
        const auto part = out.first(std::min<uint64_t>(out.size(), range.size - offset));
        if (!read_block(range.block, range.block_offset + offset, part))
            return false;
        address += part.size();
        out = out.subspan(part.size());
    }
    return true;
}

bool GuestMemory::read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const {
    if (block >= blocks_.size() || offset > blocks_[block].size || out.size() > blocks_[block].size - offset)
        return false;
    while (!out.empty()) {
        const auto part = out.first(std::min<uint64_t>(out.size(), page_size - offset % page_size));
        copy_page_part(block, offset, part);
        offset += part.size();
        out = out.subspan(part.size());
    }
    return true;
}

// out: does not cross the end of its page.
void GuestMemory::copy_page_part(uint32_t block, uint64_t offset, std::span<std::byte> out) const {
    const auto found = pages_.find(page_key(block, offset / page_size));
    if (found == pages_.end()) {
        std::fill(out.begin(), out.end(), std::byte{0});
        return;
    }
    const auto [group, slot] = found->second;
    const auto page = std::span(content(group)).subspan(slot * page_size, page_size);
    std::copy_n(page.begin() + static_cast<ptrdiff_t>(offset % page_size), out.size(), out.begin());
}

const Bytes& GuestMemory::content(uint32_t group) const {
    Bytes& content = contents_[group];
    if (!content.empty())
        return content;
    if (loaded_.size() == cached_groups_) {
        contents_[loaded_.front()] = Bytes();
        loaded_.pop_front();
    }
    content = groups_[group].load();
    loaded_.push_back(group);
    return content;
}

}  // namespace panda::trace
