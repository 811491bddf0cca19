// The namespaces that a task of Linux is in.
#pragma once

#include <cstdint>
#include <vector>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

// What /proc/PID/ns has for the task, in the order of the names; of a task that has ended, "pid" and "user". Kinds that the
// kernel lacks, or the group does not tell, are left out. init: the task with which the system started, whose
// namespaces are the initial ones.
std::vector<Namespace> namespaces_of(const KernelMemory& memory, const kernelinfo::KernelInfo& info,
                                     uint64_t task, uint64_t init);

}  // namespace panda::osi::linux_guest
