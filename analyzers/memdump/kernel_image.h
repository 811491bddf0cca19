// Finds where the kernel's own image is in virtual memory, for readers that start from the address of its
// page table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trace/moment/moment.h"

namespace panda::analyze_memdump {

struct KernelImage {
    uint64_t address = 0;   // virtual
    uint64_t physical = 0;  // where all of it is mapped, contiguously
    uint64_t size = 0;      // bytes

    bool operator==(const KernelImage&) const = default;
};

// Uses what the kernel's VMCOREINFO says: the virtual addresses of its text and of its page table, and how
// the image's physical addresses follow from virtual ones (NUMBER(phys_base),
// arch/x86/kernel/machine_kexec_64.c); and that page table. Returns nothing if the text does not tell, or
// memory contradicts it.
std::optional<KernelImage> find_kernel_image(const trace::PhysicalMemory& memory, const trace::CpuState& cpu,
                                             const std::string& vmcoreinfo);

}  // namespace panda::analyze_memdump
