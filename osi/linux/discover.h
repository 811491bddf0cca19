// A kernel that nobody has described: found in a guest by its own tables.
#pragma once

#include <string>

#include "kernelinfo/kernel_info.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

// The group of the kernel that runs at `point`, from its symbol table (kallsyms) and types (BTF) in guest
// memory; the same numbers as from the kernel's file. The processor's registers (system call entry, interrupt
// table) lead to the kernel. name: stands for the guest in errors. Throws FileError naming the kernel's
// banner when it carries no BTF, or that there is no kernel yet. About 0.2 s.
kernelinfo::KernelInfo discover_kernel(const Point& point, const std::string& name);

}  // namespace panda::osi::linux_guest
