// Guest physical memory that is made of memory blocks: what snapshots, passes and seeks have in common.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/memory/physical_memory.h"
#include "trace/types.h"

namespace panda::trace {

// The range of the map that holds this guest physical address, or null. The map must outlive the result.
const MappedRange* find_range(const MemoryMap& map, uint64_t address);

// The ranges of guest physical addresses that the map backs with memory, ascending; those that touch are
// joined.
std::vector<PhysicalMemory::Range> joined_ranges(const MemoryMap& map);

// Finds physical addresses in memory blocks, by the memory map of the selected physical address space, which
// is 0 at first.
class MappedMemory : public PhysicalMemory {
  public:
    // As PhysicalMemory::read. Throws FileError when the pages in the file are damaged.
    bool read(uint64_t address, std::span<std::byte> out) const final;
    std::span<const Range> ranges() const final { return ranges_; }

    // Chooses the physical address space: x86 has 0, and 1 for system management mode. Returns false, and
    // keeps the selection, when there is no map of it.
    bool select_address_space(uint32_t address_space);

    // Fills `out` from a memory block, from `offset` on. block: index into TraceHeader::memory_blocks.
    // Returns false when that is not all inside the block; `out` is then unchanged.
    virtual bool read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const = 0;

    // The memory maps in force, by physical address space.
    const std::vector<MemoryMap>& maps() const { return maps_; }

  protected:
    // Replaces all maps and selects address space 0.
    void set_maps(std::vector<MemoryMap> maps);
    // Replaces the map of map.address_space. The selection stays.
    void set_map(const MemoryMap& map);

  private:
    std::vector<MemoryMap> maps_;
    uint32_t selected_ = 0;
    std::vector<Range> ranges_;
};

}  // namespace panda::trace
