#include "trace/memory/guest_memory.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/error.h"
#include "trace/limits.h"

namespace panda::trace {

GuestMemory::GuestMemory(const TraceHeader& header, Source source, uint64_t cache_bytes)
    : blocks_(header.memory_blocks),
      source_(source),
      cached_groups_(std::max<uint64_t>(1, cache_bytes / (max_pages_per_message * page_size))) {}

void GuestMemory::apply(const Snapshot& snapshot) {
    if (snapshot.kind == SnapshotKind::full) {
        groups_.clear();
        free_groups_.clear();
        loaded_.clear();
        pages_.clear();
    } else if (applied_ + 1 != int64_t{snapshot.number}) {
        throw Error("snapshot " + std::to_string(snapshot.number) +
                    " holds changed pages only, and the one before it is missing");
    }
    applied_ = snapshot.number;
    for (const PageGroup& group : *snapshot.groups_)
        apply_group(group);
    if (source_ == Source::held)
        repack();
    set_maps(snapshot.memory_maps);
}

void GuestMemory::apply_group(const PageGroup& group) {
    for (const uint32_t page : group.zero_pages)
        drop_page(page_key(group.block, page));
    add_group(group);
}

void GuestMemory::add_group(PageGroup pages) {
    if (pages.pages.empty())
        return;
    if (free_groups_.empty()) {
        free_groups_.push_back(static_cast<uint32_t>(groups_.size()));
        groups_.emplace_back();
    }
    const uint32_t number = free_groups_.back();
    free_groups_.pop_back();
    for (uint32_t slot = 0; slot < pages.pages.size(); ++slot) {
        const uint64_t key = page_key(pages.block, pages.pages[slot]);
        drop_page(key);
        pages_[key] = {number, slot};
    }
    Group& group = groups_[number];
    group.live = static_cast<uint32_t>(pages.pages.size());
    group.pages = std::move(pages);
}

void GuestMemory::drop_page(uint64_t key) {
    const auto found = pages_.find(key);
    if (found == pages_.end())
        return;
    const uint32_t number = found->second.group;
    pages_.erase(found);
    Group& group = groups_[number];
    --group.live;
    if (source_ == Source::held && group.live == group.pages.pages.size() / 4)
        sparse_groups_.push_back(number);
    if (group.live == 0)
        free_group(number);
}

void GuestMemory::free_group(uint32_t number) {
    groups_[number] = Group();
    std::erase(loaded_, number);
    free_groups_.push_back(number);
}

// Over a chain of snapshots, most pages of a group are superseded at some time. This packs the pages that are
// left of such groups into new groups, so that groups (which are held in memory for a pipe) take less than
// four times what is needed.
void GuestMemory::repack() {
    std::map<uint32_t, std::vector<std::pair<uint32_t, Bytes>>>
        survivors;  // by memory block: page and content
    for (const uint32_t number : std::exchange(sparse_groups_, {})) {
        const Group& group = groups_[number];
        if (group.live == 0 || group.live > group.pages.pages.size() / 4)
            continue;  // it was freed, and may be in use again
        const Bytes content = group.pages.load();
        auto& pages = survivors[group.pages.block];
        for (uint32_t slot = 0; slot < group.pages.pages.size(); ++slot) {
            const uint32_t page = group.pages.pages[slot];
            const auto found = pages_.find(page_key(group.pages.block, page));
            if (found == pages_.end() || found->second.group != number || found->second.slot != slot)
                continue;
            const auto bytes = std::span(content).subspan(slot * page_size, page_size);
            pages.emplace_back(page, Bytes(bytes.begin(), bytes.end()));
        }
    }
    for (auto& [block, pages] : survivors) {
        const std::span all(pages);
        for (size_t first = 0; first < all.size(); first += max_pages_per_message)
            add_group(pack_pages(
                block, all.subspan(first, std::min<size_t>(max_pages_per_message, all.size() - first))));
    }
    sparse_groups_.clear();  // those that this function has just emptied
}

PageGroup GuestMemory::pack_pages(uint32_t block, std::span<const std::pair<uint32_t, Bytes>> pages) {
    constexpr int level = 1;
    PageGroup group;
    group.block = block;
    Bytes content;
    for (const auto& [page, bytes] : pages) {
        group.pages.push_back(page);
        content.insert(content.end(), bytes.begin(), bytes.end());
    }
    const auto column = std::make_shared<const EncodedColumn>(
        encode_column(schema::ColumnId::PAGES, schema::Coding::RAW, pages.size(), content, level));
    group.frame.owner = column;
    group.content = {static_cast<uint16_t>(column->id),
                     static_cast<uint16_t>(column->coding),
                     static_cast<uint16_t>(column->compression),
                     column->records,
                     column->raw_size,
                     column->checksum,
                     column->data};
    return group;
}

void GuestMemory::for_each_page(const PageFunction& function) const {
    for (uint32_t number = 0; number < groups_.size(); ++number) {
        const Group& group = groups_[number];
        if (group.live == 0)
            continue;
        const Bytes content = group.pages.load();
        for (uint32_t slot = 0; slot < group.pages.pages.size(); ++slot) {
            const uint32_t page = group.pages.pages[slot];
            const auto found = pages_.find(page_key(group.pages.block, page));
            if (found != pages_.end() && found->second.group == number && found->second.slot == slot)
                function(group.pages.block, page, std::span(content).subspan(slot * page_size, page_size));
        }
    }
}

void GuestMemory::for_each_page_number(const std::function<void(uint32_t, uint64_t)>& function) const {
    for (const auto& [key, place] : pages_)
        function(static_cast<uint32_t>(key >> 32), key & 0xffff'ffff);
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

// out: must not cross the end of its page.
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

const Bytes& GuestMemory::content(uint32_t number) const {
    const Group& group = groups_[number];
    if (!group.content.empty())
        return group.content;
    if (loaded_.size() == cached_groups_) {
        groups_[loaded_.front()].content = Bytes();
        loaded_.pop_front();
    }
    group.content = group.pages.load();
    loaded_.push_back(number);
    return group.content;
}

}  // namespace panda::trace
