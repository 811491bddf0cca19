// Guest physical memory at one moment, as analyzers and introspection see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace panda::trace {

// Reads guest RAM by guest physical address. Implemented by the trace reader for a moment of a trace.
class PhysicalMemory {
  public:
    virtual ~PhysicalMemory() = default;

    // Fills `out` from guest physical address `address`. False when any byte is not RAM or ROM; `out` is then
    // undefined. Never throws for what the guest may have put there.
    virtual bool read(uint64_t address, std::span<std::byte> out) const = 0;

    // Guest physical address ranges [start, end) that hold RAM or ROM, ascending and disjoint: for scans.
    struct Range {
        uint64_t start;
        uint64_t end;
    };
    virtual std::span<const Range> ranges() const = 0;
};

}  // namespace panda::trace
