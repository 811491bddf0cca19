// Guest memory at a snapshot of a trace.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "trace/page_group.h"
#include "trace/physical_memory.h"
#include "trace/snapshot.h"
#include "trace/types.h"

namespace panda::trace {

// Decompresses pages when they are first read, 1 MiB at a time, and keeps at most cache_bytes of them. Beside
// it: about 40 bytes for each page that is not zero. One thread at a time, though read() is const.
class GuestMemory final : public PhysicalMemory {
  public:
    static constexpr uint64_t default_cache_bytes = uint64_t{256} << 20;

    // header: of the trace that the snapshots are from.
    explicit GuestMemory(const TraceHeader& header, uint64_t cache_bytes = default_cache_bytes);

    GuestMemory(GuestMemory&&) = default;
    GuestMemory& operator=(GuestMemory&&) = default;

    // Becomes the memory at this snapshot. One of changed pages must be applied right after the snapshot
    // before it; throws Error otherwise. TraceReader::memory_at applies what is needed.
    void apply(const Snapshot& snapshot);

    // PhysicalMemory, through the memory map of address space 0, or the one selected. read() throws FileError
    // when the pages in the file are damaged.
    bool read(uint64_t address, std::span<std::byte> out) const override;
    std::span<const Range> ranges() const override { return ranges_; }

    // Chooses the physical address space: x86 has 0, and 1 for system management mode. False when the
    // snapshot has no such map.
    bool select_address_space(uint32_t address_space);

    // Reads a memory block by its index in the header. False when the range is not inside of it.
    bool read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const;

  private:
    struct Place {
        uint32_t group;
        uint32_t slot;
    };
    // Of a page: its block and its number in the block.
    static uint64_t page_key(uint32_t block, uint64_t page) { return uint64_t{block} << 32 | page; }
    void apply_group(const PageGroup& group);
    void copy_page_part(uint32_t block, uint64_t offset, std::span<std::byte> out) const;
    const Bytes& content(uint32_t group) const;

    std::vector<MemoryBlock> blocks_;
    size_t cached_groups_;
    std::vector<MemoryMap> maps_;
    const MemoryMap* map_ = nullptr;
    std::vector<Range> ranges_;
    std::vector<PageGroup> groups_;
    std::unordered_map<uint64_t, Place> pages_;  // that are not zero, by page_key
    int64_t applied_ = -1;                       // number of the last snapshot

    mutable std::vector<Bytes> contents_;  // of groups_; empty when not in the cache
    mutable std::deque<uint32_t> loaded_;  // groups in the cache, the oldest first
};

}  // namespace panda::trace
