// The memory areas of a process. They are on a list until 6.0 and in a maple tree since 6.1 (commits
// 763ecb035029, 54a611b60590).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

// Calls `visit` with the address of every vm_area_struct of the mm_struct, by ascending address. Returns an
// empty text, or why the walk ended early.
std::string walk_vmas(const KernelMemory& memory, const kernelinfo::KernelInfo& info, uint64_t mm,
                      const std::function<void(uint64_t)>& visit);

}  // namespace panda::osi::linux_guest
