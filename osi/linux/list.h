// The kernel's doubly linked lists (include/linux/list.h), walked without trust.
#pragma once

#include <functional>
#include <string>

#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

// More tasks than PID_MAX_LIMIT (include/linux/threads.h) there cannot be.
inline constexpr size_t max_list = size_t{4} << 20;

// Calls `visit` with the address of every node after `head` up to `head` again; visit returns false to stop.
// Gives an empty text, or why the walk ended early: a link that cannot be read, leads out of the kernel or
// back into the list.
std::string walk_list(const KernelMemory& memory, uint64_t head, const std::function<bool(uint64_t)>& visit);

}  // namespace panda::osi::linux_guest
