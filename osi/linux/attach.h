// Finds a known kernel in a guest: how far KASLR has moved it, and by which page table it can be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

struct Attachment {
    uint64_t slide = 0;        // to add to a link-time address of the kernel, modulo 2^64 (2^32 on i386)
    uint64_t kernel_root = 0;  // physical address of the kernel's own top page table (init_mm.pgd)
    Paging paging =
        Paging::none;  // the kernel's mode, for moments at which firmware runs (SMM); none: unknown
};

// Where the processor's registers say that the kernel is entered: virtual addresses.
struct KernelEntries {
    std::optional<uint64_t> syscall, sysenter, page_fault, int80;

    // The addresses that are known, likeliest first.
    std::vector<uint64_t> all() const;
};
// memory: the interrupt table is read through it.
KernelEntries kernel_entries(const KernelMemory& memory, const trace::CpuState& cpu);

// The top page tables that may map the kernel. With page table isolation the user half of the pair is in CR3
// while user code runs, and maps only the kernel's entry code; the kernel's half is one page before it
// (arch/x86/entry/calling.h, PTI_USER_PGTABLE_BIT).
std::vector<uint64_t> possible_roots(const trace::CpuState& cpu);

// Finds the kernel that `info` describes. The slide is the difference between where the processor's registers
// point (system call entry, interrupt table) and the link-time address of what is there. It counts only if
// the idle task and the kernel's banner (in groups that say where it is) are where they must be then. Returns
// nothing when another kernel runs, or none yet.
std::optional<Attachment> try_attach(const Point& point, const kernelinfo::KernelInfo& info);

// The same, but throws an Error that names file, group and key, and the banner found in the guest.
Attachment attach(const Point& point, const kernelinfo::KernelInfo& info);

// The first kernel banner ("Linux version ... #1 SMP ...") in guest memory, by physical address; empty if
// there is none. Reads all memory, which takes about 0.1 s for 256 MiB.
std::string find_banner(const trace::PhysicalMemory& memory);

}  // namespace panda::osi::linux_guest
