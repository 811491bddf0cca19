// What time it is for a Linux kernel.
#pragma once

#include <cstdint>
#include <optional>

#include "osi/linux/osi_linux.h"

namespace panda::osi::linux_guest {

// The clocks that a kernel keeps in memory, in ns. They stand still between the moments at which the kernel
// moves them on.
struct KernelClocks {
    int64_t wall = 0;  // since 1970, UTC, moved on by timer interrupts
    // Since some moment in the boot, also moved on when the kernel wakes or chooses tasks: up to when the
    // current task's time has been counted. Nothing if the group lacks what this needs.
    std::optional<int64_t> scheduler;
};

// Returns nothing if the kernel's group lacks what this needs, or it cannot be read.
std::optional<KernelClocks> kernel_clocks(const OsiLinux& kernel, const Point& point);

}  // namespace panda::osi::linux_guest
