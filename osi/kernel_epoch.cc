#include "osi/kernel_epoch.h"

namespace panda::osi {
namespace {

constexpr uint64_t paging_bit = uint64_t{1} << 31;
constexpr uint64_t pae = uint64_t{1} << 5;
constexpr uint64_t machine_check = uint64_t{1} << 6;
constexpr uint64_t five_levels = uint64_t{1} << 12;

}  // namespace

bool KernelEpoch::enters_elsewhere(const Entries& entries) {
    if (!entries_)
        entries_ = entries;
    return entries != *entries_;
}

// Linux makes way for another kernel with paging off (arch/x86/kernel/relocate_kernel_32.S), or with nothing in CR4
// but what paging itself needs (relocate_kernel_64.S). Firmware in system management mode does the same, and returns.
bool KernelEpoch::ends_with(const trace::ModeChange& mode) const {
    if (mode.system_management)
        return false;
    constexpr uint64_t least = pae | machine_check | five_levels;
    return (paging_ && (mode.cr0 & paging_bit) == 0) || ((cr4_ & ~least) != 0 && (mode.cr4 & ~least) == 0);
}

}  // namespace panda::osi
