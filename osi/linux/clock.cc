#include "osi/linux/clock.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr int64_t second = 1000000000;

// tk_xtime() of kernel/time/timekeeping.c.
std::optional<int64_t> wall_clock(const KernelMemory& memory, const KernelInfo& info, uint64_t core) {
    constexpr uint64_t after_count = 8;  // a sequence count, aligned
    const uint64_t keeper = core + info.panda_tk_core_timekeeper_offset.value_or(after_count);
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
    const auto queue = info.panda_runqueues_addr && info.panda_rq_clock_offset
                           ? kernel.per_cpu_place(point, *info.panda_runqueues_addr)
                           : std::nullopt;
    const auto scheduler =
        queue ? memory.u64(memory.wrap(at(*queue, *info.panda_rq_clock_offset))) : std::nullopt;
    if (scheduler && *scheduler <= INT64_MAX)
        clocks.scheduler = static_cast<int64_t>(*scheduler);
    return clocks;
}

}  // namespace panda::osi::linux_guest
