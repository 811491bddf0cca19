// Finds a kernel that no kernelinfo.conf describes, by its own tables in guest memory.
#pragma once

#include <string>
#include <vector>

#include "kernelinfo/kallsyms.h"
#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

// The group of the kernel that runs at `point`, from its symbol table (kallsyms) and types (BTF) in guest
// memory. The numbers are the same as from the kernel's file. The processor's registers (system call entry,
// interrupt table) lead to the kernel. name: stands for the guest in errors. Throws a FileError that names
// the kernel's banner if the kernel carries no BTF, or says that there is no kernel yet. Takes about 0.2 s.
kernelinfo::KernelInfo discover_kernel(const Point& point, const std::string& name);

// All symbols of the kernel that the processor's registers lead to, from its kallsyms, where KASLR has moved them.
// memory: the kernel's own view. Throws Error when there are none. Takes about 0.1 s.
std::vector<kernelinfo::KallsymsEntry> read_kallsyms(const KernelMemory& memory, const trace::CpuState& cpu);

}  // namespace panda::osi::linux_guest
