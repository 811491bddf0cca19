// A system call that a program made.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "analyzers/syscalls/description.h"

namespace panda::syscalls {

// A thread of the guest.
struct Task {
    uint64_t address = 0;  // of its descriptor (task_struct); identifies the task while it is alive
    int64_t pid = 0;       // of its process
    int64_t tid = 0;
    std::string name;

    bool operator==(const Task&) const = default;
};

struct Call {
    Abi abi = Abi::x86_64;
    uint64_t number = 0;
    const CallDescription* description = nullptr;  // null: a number that no kernel header knows
    std::array<uint64_t, 6> arguments{};           // registers; 32 bits on i386
    uint64_t instr = 0;                            // when it was made
    uint64_t pc = 0;                               // of the instruction that made it
    uint64_t stack_pointer = 0;
    // The call was made before the trace began, or in a gap of it; `instr` is where the trace goes on. Its
    // arguments in memory are read there.
    bool in_progress = false;
    Task task;
    // The call was made by another one that stands for several: socketcall, ipc. Its arguments are its own.
    bool multiplexed = false;
    // Where the kernel writes what the call returns, in a word; 0: it returns it in rax.
    uint64_t result_place = 0;
    // For restart_syscall: the call that it resumes; null if that is not known.
    const CallDescription* resumed = nullptr;

    // "openat", "syscall_0x3e8"
    std::string name() const;
};

// Why a call has no result.
enum class Ending : uint8_t {
    returned,    // it has a result
    gone,        // its task ended in it: exit, or killed
    unfinished,  // the trace ends first
    diverted,    // it was not made: the kernel sent a signal instead (syscall user dispatch)
};

struct Return {
    Ending ending = Ending::returned;
    // rax as the program got it, sign-extended from 32 bits for i386; the kernel's own -ERESTART… if it will
    // resume the call.
    int64_t value = 0;
    uint64_t instr = 0;
    // If the task ended in the call, the kernel's result is sometimes known. `value` is then what the program
    // would have got, or the kernel's own error.
    bool known = false;

    bool failed() const { return ending == Ending::returned && value < 0 && value >= -4095; }
};

// How a task ended, from what wait() tells.
struct ExitCode {
    explicit ExitCode(uint32_t code)
        : status(code >> 8 & 0xff), signal(code & 0x7f), core((code & 0x80) != 0) {}

    uint32_t status;  // of a task that exited
    uint32_t signal;  // the one that killed it; 0: it exited
    bool core;        // whether core was dumped
};

}  // namespace panda::syscalls
