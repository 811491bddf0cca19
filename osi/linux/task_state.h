// What the kernel keeps of a task's program while the task is in the kernel: its registers, the signals that
// wait for it, how it ended. By the offsets of a kernelinfo group; what a group has not is nothing.
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
    bool code64 = false;      // the program was in 64-bit code
    uint64_t ax = 0;
    // The number of the system call that the task is in; all bits set when it came by an interrupt or a
    // fault.
    uint64_t original_ax = 0;
    std::array<uint64_t, 6> arguments{};  // in the order of system calls of the code's kind
    uint64_t ip = 0;
    uint64_t sp = 0;
};

// Nothing when no such registers are there: of a kernel thread, or of a task that is on its way in.
std::optional<UserRegisters> user_registers(const KernelMemory& memory, const kernelinfo::KernelInfo& info,
                                            uint64_t task);

// A signal that waits for a task, with the kernel's siginfo of it (struct kernel_siginfo, whose layout is
// that of the kernel's own siginfo_t).
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

// Of a task that has ended, as wait() tells it: the exit status << 8, or the number of the signal, with 0x80
// when core was dumped.
std::optional<uint32_t> exit_code(const KernelMemory& memory, const kernelinfo::KernelInfo& info,
                                  uint64_t task);

// Whether it runs a program: the kernel's threads do not, nor do its helpers before they have one.
bool has_program(const KernelMemory& memory, const kernelinfo::KernelInfo& info, uint64_t task);

}  // namespace panda::osi::linux_guest
