// Walks the kernel's doubly linked lists (include/linux/list.h) without trusting them.
#pragma once

#include <functional>
#include <string>

#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

// There cannot be more tasks than PID_MAX_LIMIT (include/linux/threads.h).
inline constexpr size_t max_list = size_t{4} << 20;

// Calls `visit` with the address of every node after `head` until it comes back to `head`; visit returns
// false to stop. Returns an empty text, or why the walk ended early: a link cannot be read, or it leads out
// of the kernel or back into the list.
std::string walk_list(const KernelMemory& memory, uint64_t head, const std::function<bool(uint64_t)>& visit);

}  // namespace panda::osi::linux_guest
