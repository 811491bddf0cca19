// Finds the physical addresses of x86 guests' virtual ones, by the page tables in guest memory: 32-bit (with
// 4 MiB pages), PAE, and four and five levels (Intel SDM volume 3, chapter 4).
#pragma once

#include <cstdint>
#include <functional>
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

// The paging mode that the processor is in.
Paging paging_of(const CpuState& cpu);

// One address space: page tables and the memory that they are in. Reading through it marks no entry as
// accessed, and ignores permissions.
class AddressSpace {
  public:
    // memory: must outlive this. root: physical address of the top table, as in CR3; its flag and PCID bits
    // are ignored.
    AddressSpace(const PhysicalMemory& memory, uint64_t root, Paging paging);

    // The physical address that a virtual one leads to; nothing if no page is there.
    std::optional<uint64_t> translate(uint64_t address) const;

    // Calls visit(virtual, physical, size) for each page that is mapped, ascending by virtual address. Tables that lead
    // back to themselves would have no end, so it stops after 65,536 tables, and then returns false.
    bool for_each_page(const std::function<void(uint64_t, uint64_t, uint64_t)>& visit) const;

    // Fills `out` from virtual address `address`. Returns false when any byte has no page, or when its page
    // is neither RAM nor ROM; `out` is then undefined.
    bool read(uint64_t address, std::span<std::byte> out) const;

    // Physical address of the top table, without flag and PCID bits.
    uint64_t root() const { return root_; }
    Paging paging() const { return paging_; }
    const PhysicalMemory& memory() const { return *memory_; }

  private:
    const PhysicalMemory* memory_;
    uint64_t root_;
    Paging paging_;
};

}  // namespace panda::trace
