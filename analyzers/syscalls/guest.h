// What pairing calls asks of a guest, at the moment of an event.
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
    bool in_call = false;  // by a system call, which has not returned to the program yet
    Abi abi = Abi::x86_64;
    uint64_t number = 0;
    std::array<uint64_t, 6> arguments{};
    uint64_t next_pc = 0;  // where the program goes on
    uint64_t stack_pointer = 0;
    int64_t result = 0;         // -ENOSYS while the call runs
    uint64_t result_place = 0;  // where the kernel keeps it
};

// A signal that a task is about to get.
struct Signal {
    uint32_t number = 0;
    // struct kernel_siginfo; the kernel's ABI, whatever the program's is.
    std::array<std::byte, 48> info{};
    Abi abi = Abi::x86_64;
};

// Functions of the kernel whose begin tells something.
enum class KernelFunction : uint8_t {
    get_signal,      // the current task is about to take signals, on its way back to its program
    dequeue_signal,  // it takes one
    do_exit,         // the current task ends
};

// Follows the guest: what it says is about now.
class Guest {
  public:
    virtual ~Guest() = default;

    // The task that the processor runs. Nothing when it cannot be told: the kernel is not known, or not up
    // yet.
    virtual std::optional<Task> current_task() = 0;
    // Whether a task still exists. Slow; for the end of a trace.
    virtual bool is_alive(const Task& task) = 0;
    // The memory that the running program sees.
    virtual const UserMemory& user_memory() const = 0;

    // Calls `visit` for each task that has a program, with what it interrupted; nothing of a task that runs
    // its program, or is new and has not yet run it. Meanwhile that task is the current one, and
    // user_memory() its program's.
    using TaskVisitor = std::function<void(const Task&, const std::optional<InterruptedProgram>&)>;
    virtual void visit_tasks(const TaskVisitor& visit) { (void)visit; }

    // Whether the guest's user is told when the kernel's functions begin (CallTracker::kernel_function). The
    // following are only asked then.
    virtual bool tells_functions() const { return false; }
    // Of the current task.
    virtual std::optional<InterruptedProgram> interrupted_program() { return std::nullopt; }
    // Of the current task: a fault of its program, at the begin of get_signal; what dequeue_signal takes, at
    // its begin.
    virtual std::optional<Signal> synchronous_signal() { return std::nullopt; }
    virtual std::optional<Signal> next_signal() { return std::nullopt; }
    // Whether the task has a program: threads of the kernel have none.
    virtual bool has_program(const Task& task) {
        (void)task;
        return true;
    }
    // Of a task, once it has ended, as wait() tells it.
    virtual std::optional<uint32_t> exit_code(const Task& task) {
        (void)task;
        return std::nullopt;
    }
};

}  // namespace panda::syscalls
