// Guest memory at a snapshot of a trace.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trace/memory/mapped_memory.h"
#include "trace/memory/page_group.h"
#include "trace/memory/snapshot.h"
#include "trace/types.h"

namespace panda::trace {

// Decompresses pages when they are first read, 1 MiB at a time, and keeps at most cache_bytes of them.
// Besides, it takes about 40 bytes for each page that is not zero; for a file four bytes for each page of the groups that
// still have one of them, and for a pipe at most four times the compressed pages. Only one thread may use it at a time,
// although read() is const.
class GuestMemory final : public MappedMemory {
  public:
    static constexpr uint64_t default_cache_bytes = uint64_t{256} << 20;

    // Who has the compressed pages of snapshots.
    enum class Source : uint8_t { held, mapped };  // held in memory for this, from a pipe; mapped from a file

    // Zero everywhere, without memory maps, until apply() is called. header: of the trace that the snapshots
    // are from. source: mapped leaves the groups of old snapshots as they are. cache_bytes: of decompressed pages; at
    // least 1 MiB is kept.
    explicit GuestMemory(const TraceHeader& header, Source source = Source::held,
                         uint64_t cache_bytes = default_cache_bytes);

    GuestMemory(GuestMemory&&) = default;
    GuestMemory& operator=(GuestMemory&&) = default;

    // Becomes the memory at this snapshot. A snapshot of changed pages must be applied right after the
    // snapshot before it, else this throws Error. TraceReader::memory_at applies all snapshots that are
    // needed.
    void apply(const Snapshot& snapshot);

    // As MappedMemory::read_block. Throws FileError when the pages in the file are damaged.
    bool read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const override;

    // Calls function(block, page number in the block, its bytes) once for every page that is not zero, in no
    // particular order. Decompresses everything, without filling the cache.
    using PageFunction = std::function<void(uint32_t, uint64_t, std::span<const std::byte>)>;
    void for_each_page(const PageFunction& function) const;
    // Calls function(block, page number in the block) for the same pages, without decompressing anything.
    void for_each_page_number(const std::function<void(uint32_t, uint64_t)>& function) const;

  private:
    struct Place {
        uint32_t group;
        uint32_t slot;
    };
    // A page's block and its number in the block, as one number.
    static uint64_t page_key(uint32_t block, uint64_t page) { return uint64_t{block} << 32 | page; }
    struct Group {
        PageGroup pages;
        uint32_t live = 0;      // how many of its pages are not superseded yet; with none, the group is free
        mutable Bytes content;  // empty when not in the cache
    };
    void apply_group(const PageGroup& group);
    void add_group(PageGroup pages);
    void drop_page(uint64_t key);
    void free_group(uint32_t number);
    void repack();
    static PageGroup pack_pages(uint32_t block, std::span<const std::pair<uint32_t, Bytes>> pages);
    void copy_page_part(uint32_t block, uint64_t offset, std::span<std::byte> out) const;
    const Bytes& content(uint32_t group) const;

    std::vector<MemoryBlock> blocks_;
    Source source_;
    size_t cached_groups_;
    std::vector<Group> groups_;
    std::vector<uint32_t> free_groups_;
    std::vector<uint32_t> sparse_groups_;        // of which a quarter is left, since the last repack()
    std::unordered_map<uint64_t, Place> pages_;  // those that are not zero, by page_key
    int64_t applied_ = -1;                       // number of the last snapshot
    mutable std::deque<uint32_t> loaded_;        // groups in the cache, the oldest first
};

}  // namespace panda::trace
