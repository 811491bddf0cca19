#include "osi/linux/clock.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr int64_t second = 1000000000;

// tk_xtime() of kernel/time/timekeeping.c.
std::optional<int64_t> wall_clock(const KernelMemory& memory, const KernelInfo& info, uint64_t core) {
    // The structure has a sequence count, and then the timekeeper, whose alignment is that of 64 bits.
    constexpr uint64_t after_count = 8;
    const uint64_t keeper = core + after_count;
    const auto seconds = memory.u64(at(keeper, *info.panda_timekeeper_xtime_sec_offset));
    const auto shifted = memory.u64(at(keeper, *info.panda_timekeeper_xtime_nsec_offset));
    const auto shift = memory.u32(at(keeper, *info.panda_timekeeper_shift_offset));
    if (!seconds || !shifted || !shift || *shift >= 64 || *seconds > INT64_MAX / second - 1)
        return std::nullopt;
    return static_cast<int64_t>(*seconds) * second + static_cast<int64_t>(*shifted >> *shift);
}

}  // namespace

std::optional<KernelClocks> kernel_clocks(const OsiLinux& kernel, const Point& point) {
    const KernelInfo& info = kernel.info();
    if (!info.panda_tk_core_addr || *info.panda_tk_core_addr == 0 ||
        !info.panda_timekeeper_xtime_sec_offset || !info.panda_timekeeper_xtime_nsec_offset ||
        !info.panda_timekeeper_shift_offset)
        return std::nullopt;
    const KernelMemory memory = kernel.kernel_memory(point);
    const auto wall = wall_clock(memory, info, memory.wrap(kernel.moved(*info.panda_tk_core_addr)));
    if (!wall)
        return std::nullopt;
    KernelClocks clocks{*wall, std::nullopt};
    // update_curr() of kernel/sched/fair.c.
    const auto place = info.panda_task_exec_start_offset ? kernel.current_task_place(point) : std::nullopt;
    const auto task = place ? memory.pointer(*place) : std::nullopt;
    const auto since = task && memory.is_kernel_address(*task)
                           ? memory.u64(at(*task, *info.panda_task_exec_start_offset))
                           : std::nullopt;
    if (since && *since != 0 && *since <= INT64_MAX)
        clocks.scheduler = static_cast<int64_t>(*since);
    return clocks;
}

}  // namespace panda::osi::linux_guest
