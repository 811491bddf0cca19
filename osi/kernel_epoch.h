// Notices that the kernel that was running is gone: after a reset, or because it has started another one (kexec).
// What was found out about it (where it is, its tasks) says nothing any more.
#pragma once

#include <cstdint>
#include <optional>

#include "trace/cpu_state.h"
#include "trace/event.h"

namespace panda::osi {

class KernelEpoch {
  public:
    // A kernel runs, with the processor in this state.
    explicit KernelEpoch(const trace::CpuState& cpu) : paging_(cpu.paging()), cr4_(cpu.cr4) {
        const Entries entries = entries_of(cpu);
        if (entries != Entries{})
            entries_ = entries;
    }

    // Whether the kernel is gone at this event. cpu: gives the processor's state there, and is called for system
    // calls only, as () -> const trace::CpuState&.
    template <typename Cpu>
    bool ends_at(const trace::Event& event, const Cpu& cpu) {
        if (const auto* mode = std::get_if<trace::ModeChange>(&event.detail))
            return ends_with(*mode);
        if (std::holds_alternative<trace::SystemCall>(event.detail))
            return enters_elsewhere(entries_of(cpu()));
        return std::holds_alternative<trace::Reset>(event.detail);
    }

  private:
    // Where system calls enter the kernel.
    struct Entries {
        uint64_t syscall = 0;
        uint64_t sysenter = 0;
        bool operator==(const Entries&) const = default;
    };
    static Entries entries_of(const trace::CpuState& cpu) { return {cpu.lstar, cpu.sysenter_eip}; }
    bool enters_elsewhere(const Entries& entries);
    bool ends_with(const trace::ModeChange& mode) const;

    bool paging_;
    uint64_t cr4_;
    // Nothing while the kernel has not told the processor (syscall_init() of arch/x86/kernel/cpu/common.c), which it
    // does some time after it has begun to run.
    std::optional<Entries> entries_;
};

}  // namespace panda::osi
