// What the kernel keeps about a task's program while the task is in the kernel: its registers, the signals
// that wait for it, how it ended. Read by the offsets of a kernelinfo group; each function returns nothing if
// the group lacks what it needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

// The program's registers, at the top of its task's kernel stack (struct pt_regs).
struct UserRegisters {
    uint64_t address = 0;     // of the struct
    uint64_t ax_address = 0;  // where the kernel keeps the result of a system call
    bool code64 = false;      // whether the program ran 64-bit code
    uint64_t ax = 0;
    // The number of the system call that the task is in; all bits are set if it entered by an interrupt or a
    // fault.
    uint64_t original_ax = 0;
    std::array<uint64_t, 6> arguments{};  // in the order that system calls of such code have
    uint64_t ip = 0;
    uint64_t sp = 0;
};

// Returns nothing if there are no such registers: for a kernel thread, or a task that is just entering.
std::optional<UserRegisters> user_registers(const KernelMemory& memory, const kernelinfo::KernelInfo& info,
                                            uint64_t task);

// A signal that waits for a task, with the kernel's siginfo for it (struct kernel_siginfo, which has the
// layout of the kernel's own siginfo_t).
struct PendingSignal {
    uint32_t number = 0;
    std::array<std::byte, 48> info{};
};

// What dequeue_signal() is about to take for the task.
std::optional<PendingSignal> next_signal(const KernelMemory& memory, const kernelinfo::KernelInfo& info,
                                         uint64_t task);
// What get_signal() takes before it asks dequeue_signal(): a fault of the program itself.
std::optional<PendingSignal> synchronous_signal(const KernelMemory& memory,
                                                const kernelinfo::KernelInfo& info, uint64_t task);

// Whether the kernel has decided that this signal ends the task's process: handlers, and tracers too, are
// passed over. False if that is not known.
bool is_immutable(const KernelMemory& memory, const kernelinfo::KernelInfo& info, uint64_t task,
                  uint32_t signal);

// How a task has ended, as wait() tells it: the exit status << 8, or the number of the signal, plus 0x80 if
// core was dumped. If its process ends as a whole, that is how the process ends.
std::optional<uint32_t> exit_code(const KernelMemory& memory, const kernelinfo::KernelInfo& info,
                                  uint64_t task);

// Whether the task runs a program. The kernel's threads do not, nor do its helpers before they have one.
bool has_program(const KernelMemory& memory, const kernelinfo::KernelInfo& info, uint64_t task);

}  // namespace panda::osi::linux_guest
