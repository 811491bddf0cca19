// Guest physical memory at one moment, as analyzers and introspection see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace panda::trace {

// Reads guest memory by guest physical address. The trace library implements it for a moment of a trace
// (MappedMemory).
class PhysicalMemory {
  public:
    virtual ~PhysicalMemory() = default;

    // Fills `out` from guest physical address `address`. Returns false when any byte is not RAM or ROM; `out`
    // is then undefined. Never throws because of anything that the guest did.
    virtual bool read(uint64_t address, std::span<std::byte> out) const = 0;

    // A range of guest physical addresses [start, end) that hold RAM or ROM.
    struct Range {
        uint64_t start;
        uint64_t end;
    };
    // All such ranges, ascending and disjoint: for scans. Valid as long as the memory does not change its
    // map.
    virtual std::span<const Range> ranges() const = 0;
};

}  // namespace panda::trace
