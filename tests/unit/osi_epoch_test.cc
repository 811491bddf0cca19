// What shows that a kernel is gone.
#include <catch2/catch_test_macros.hpp>
#include <utility>

#include "osi/kernel_epoch.h"

using namespace panda;
using osi::KernelEpoch;

namespace {

constexpr uint64_t cr0 = 0x80050033;
constexpr uint64_t cr4 = 0x3506f0;

trace::CpuState running_kernel() {
    trace::CpuState cpu;
    cpu.cr0 = cr0;
    cpu.cr4 = cr4;
    cpu.efer = 0xd01;
    cpu.lstar = 0xffffffff81c00000;
    return cpu;
}

bool ends(const trace::Event& event, const trace::CpuState& at = running_kernel()) {
    return KernelEpoch(running_kernel()).ends_at(event, [&]() -> const trace::CpuState& { return at; });
}

trace::Event mode(uint64_t new_cr0, uint64_t new_cr4, bool system_management = false) {
    return {1, trace::ModeChange{new_cr0, new_cr4, 0xd01, system_management}};
}

}  // namespace

TEST_CASE("a kernel is gone after a reset") {
    CHECK(ends({1, trace::Reset{}}));
    CHECK_FALSE(ends({1, trace::AddressSpaceChange{0x1000}}));
}

TEST_CASE("a kernel that makes way for another one turns everything off in CR4, or paging") {
    CHECK(ends(mode(cr0, 0x20)));                  // physical address extension alone
    CHECK(ends(mode(cr0, 0x1060)));                // with machine checks and five levels of page tables
    CHECK(ends(mode(0x11, 0)));                    // i386: no paging
    CHECK_FALSE(ends(mode(cr0, cr4 & ~0x80ULL)));  // a global flush of the TLB
    CHECK_FALSE(ends(mode(cr0 | 8, cr4)));
    CHECK_FALSE(ends(mode(0x10, 0, true)));  // firmware, which returns
}

TEST_CASE("a kernel whose system calls enter elsewhere is another one") {
    const trace::Event call = {1, trace::SystemCall{}};
    CHECK_FALSE(ends(call));
    trace::CpuState moved = running_kernel();
    moved.lstar += 0x200000;
    CHECK(ends(call, moved));
}

TEST_CASE("a kernel that has just begun to run says later where its system calls enter") {
    trace::CpuState cpu = running_kernel();
    const uint64_t entry = std::exchange(cpu.lstar, 0);
    KernelEpoch epoch(cpu);
    const trace::Event call = {1, trace::SystemCall{}};
    const auto at = [&]() -> const trace::CpuState& { return cpu; };
    cpu.lstar = entry;
    CHECK_FALSE(epoch.ends_at(call, at));
    CHECK_FALSE(epoch.ends_at(call, at));
    cpu.lstar += 0x200000;
    CHECK(epoch.ends_at(call, at));
}
