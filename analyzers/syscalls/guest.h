// What the pairing of calls asks a guest, at the moment of an event.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::syscalls {

// The registers of a program whose task is in the kernel, as the kernel keeps them.
struct InterruptedProgram {
    bool in_call = false;  // interrupted by a system call that has not returned to the program yet
    Abi abi = Abi::x86_64;
    uint64_t number = 0;
    std::array<uint64_t, 6> arguments{};
    uint64_t next_pc = 0;  // where the program goes on
    uint64_t stack_pointer = 0;
    int64_t result = 0;         // -ENOSYS while the call runs
    uint64_t result_place = 0;  // where the kernel keeps the result
};

// A signal that a task is about to get.
struct Signal {
    uint32_t number = 0;
    // struct kernel_siginfo, in the kernel's ABI, whatever the program's is.
    std::array<std::byte, 48> info{};
    Abi abi = Abi::x86_64;
};

// Functions of the kernel whose start means something.
enum class KernelFunction : uint8_t {
    get_signal,      // the current task is about to take signals, on its way back to its program
    dequeue_signal,  // it takes a signal
    do_exit,         // the current task ends
};

// Follows the guest: its answers are about the current moment.
class Guest {
  public:
    virtual ~Guest() = default;

    // The task that the processor runs. Returns nothing if that cannot be told: the kernel is not known, or
    // is not up yet.
    virtual std::optional<Task> current_task() = 0;
    // Whether a task still exists. This is slow, and meant for the end of a trace.
    virtual bool is_alive(const Task& task) = 0;
    // The memory that the running program sees.
    virtual const UserMemory& user_memory() const = 0;

    // Calls `visit` for each task that has a program, with the program that it interrupted; with nothing for
    // a task that is running its program, or is new and has not run it yet. During the call that task is the
    // current one, and user_memory() is its program's.
    using TaskVisitor = std::function<void(const Task&, const std::optional<InterruptedProgram>&)>;
    virtual void visit_tasks(const TaskVisitor& visit) { (void)visit; }

    // Whether CallTracker::kernel_function is called when the kernel's functions start. Only then are the
    // following functions called.
    virtual bool tells_functions() const { return false; }
    // The program that the current task has interrupted.
    virtual std::optional<InterruptedProgram> interrupted_program() { return std::nullopt; }
    // For the current task: a fault of its program, at the start of get_signal; and the signal that
    // dequeue_signal is about to take, at its start.
    virtual std::optional<Signal> synchronous_signal() { return std::nullopt; }
    virtual std::optional<Signal> next_signal() { return std::nullopt; }
    // Whether the signal ends the current task whatever handlers and tracers there are. No tracer sees it.
    virtual bool is_final(const Signal& signal) {
        (void)signal;
        return false;
    }
    // The guest's time, in ns since 1970. Nothing if the kernel does not tell. Call it in the order of time.
    virtual std::optional<int64_t> time(uint64_t instr) {
        (void)instr;
        return std::nullopt;
    }
    // Whether the task has a program. Kernel threads have none.
    virtual bool has_program(const Task& task) {
        (void)task;
        return true;
    }
    // Whether other threads of its process still run than this one, the first.
    virtual bool has_other_threads(const Task& leader) {
        (void)leader;
        return false;
    }
    // How a task ended, once it has, as wait() tells it.
    virtual std::optional<uint32_t> exit_code(const Task& task) {
        (void)task;
        return std::nullopt;
    }
};

}  // namespace panda::syscalls
