// Finding a known kernel in a guest: how far KASLR has moved it, and by which page table it can be read.
#pragma once

#include <cstdint>
#include <optional>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

struct Attachment {
    uint64_t slide = 0;        // add to a link-time address of the kernel, modulo 2^64 (2^32)
    uint64_t kernel_root = 0;  // physical address of the kernel's own top page table (init_mm.pgd)
};

// Finds the kernel that `info` describes. The slide is the difference between where the processor's registers
// point to (system call entry, interrupt table) and the link-time address of what is there; it counts only if
// the kernel's banner (or the idle task, in groups that do not say where the banner is) lies where it then
// must. Nothing when another kernel runs, or none yet.
std::optional<Attachment> try_attach(const Point& point, const kernelinfo::KernelInfo& info);

// The same, but throws Error naming file, group and key, and the banner found in the guest.
Attachment attach(const Point& point, const kernelinfo::KernelInfo& info);

// The first kernel banner ("Linux version ... #1 SMP ...") in guest memory, in physical order; empty when
// there is none. Reads all memory: about 0.1 s for 256 MiB.
std::string find_banner(const trace::PhysicalMemory& memory);

}  // namespace panda::osi::linux_guest
