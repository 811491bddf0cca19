// Virtual to physical addresses of x86 guests, by the page tables in their memory: 32-bit (with 4 MiB pages),
// PAE, and four and five levels (Intel SDM volume 3, chapter 4).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "trace/cpu_state.h"
#include "trace/memory/physical_memory.h"

namespace panda::trace {

enum class Paging {
    none,        // virtual addresses are physical ones
    two_level,   // 32 bit
    pae,         // 32 bit, 8-byte entries
    four_level,  // 48 bit
    five_level,  // 57 bit
};

// The mode that the processor is in.
Paging paging_of(const CpuState& cpu);

// One address space: a page table and the memory that it lies in, which must outlive this. Reading it marks
// nothing as accessed, and does not care for permissions.
class AddressSpace {
  public:
    // root: physical address of the top table; flag and PCID bits in it do not matter.
    AddressSpace(const PhysicalMemory& memory, uint64_t root, Paging paging);

    // The physical address behind a virtual one; nothing when no page is there.
    std::optional<uint64_t> translate(uint64_t address) const;

    // Fills `out` from virtual address `address`. False when any byte of it has no page or its page is no
    // RAM; `out` is then undefined.
    bool read(uint64_t address, std::span<std::byte> out) const;

    uint64_t root() const { return root_; }
    Paging paging() const { return paging_; }
    const PhysicalMemory& memory() const { return *memory_; }

  private:
    const PhysicalMemory* memory_;
    uint64_t root_;
    Paging paging_;
};

}  // namespace panda::trace
