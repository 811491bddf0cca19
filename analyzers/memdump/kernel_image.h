// Finds where the kernel maps its own image and physical memory, for readers that start from virtual
// addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trace/moment/moment.h"

namespace panda::analyze_memdump {

struct KernelImage {
    uint64_t address = 0;   // virtual
    uint64_t physical = 0;  // where all of it is mapped, contiguously
    uint64_t size = 0;      // bytes

    bool operator==(const KernelImage&) const = default;
};

// The physical address of a virtual one in the image, as the kernel's VMCOREINFO says (NUMBER(phys_base),
// arch/x86/kernel/machine_kexec_64.c). Returns nothing if it does not say, as 32-bit kernels do not, or if the
// address is not in the part of the address space where images are.
std::optional<uint64_t> image_place(std::string_view vmcoreinfo, uint64_t address);

// Uses what the kernel's VMCOREINFO says: the virtual addresses of its text and of its page table, and how
// the image's physical addresses follow from virtual ones; and that page table. Returns nothing if the text
// does not tell, or memory contradicts it.
std::optional<KernelImage> find_kernel_image(const trace::PhysicalMemory& memory, const trace::CpuState& cpu,
                                             const std::string& vmcoreinfo);

// Where the kernel maps physical memory: virtual address = `address` + physical address. 64-bit kernels map all
// memory so, and 32-bit ones the first part of it.
struct DirectMap {
    uint64_t address = 0;
    std::vector<trace::PhysicalMemory::Range> mapped;  // of physical memory, ascending and disjoint
};

// Finds it in the kernel's page table, which VMCOREINFO leads to. Returns nothing if the table does not map it.
std::optional<DirectMap> find_direct_map(const trace::PhysicalMemory& memory, const trace::CpuState& cpu,
                                         const std::string& vmcoreinfo);

}  // namespace panda::analyze_memdump
