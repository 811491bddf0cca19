// Guest physical addresses over memory blocks: what snapshots, passes and seeks have in common.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/memory/physical_memory.h"
#include "trace/types.h"

namespace panda::trace {

// The range of the map that holds this address, or null.
const MappedRange* find_range(const MemoryMap& map, uint64_t address);

// Ranges of guest physical addresses that the map backs with memory, those that touch joined.
std::vector<PhysicalMemory::Range> joined_ranges(const MemoryMap& map);

// Leads physical addresses through the memory map of address space 0, or the one selected, to memory blocks.
class MappedMemory : public PhysicalMemory {
  public:
    // False when any byte is not RAM or ROM. Throws FileError when the pages in the file are damaged.
    bool read(uint64_t address, std::span<std::byte> out) const final;
    std::span<const Range> ranges() const final { return ranges_; }

    // Chooses the physical address space: x86 has 0, and 1 for system management mode. False when there is no
    // map of it.
    bool select_address_space(uint32_t address_space);

    // Reads a memory block by its index in the header. False when the range is not inside of it.
    virtual bool read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const = 0;

    // In force, by physical address space.
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
