// Pairs system calls with their returns, by task.
//
// A task that has made a call is in the kernel until that call ends, so its next return to user mode belongs
// to the call, whatever happened in between: interrupts, faults, other tasks. What comes back depends on
// where the program goes on:
//
//   - at the instruction after the call: its result;
//   - at the call itself: the kernel starts it again (a signal without a handler, a stop);
//   - at another place, except for execve and sigreturn: a signal's handler. The kernel has put the registers
//     of the interrupted call on the stack, with its result (arch/x86/kernel/signal.c, setup_rt_frame).
//
// A task that exits or is killed never returns, and neither does one that is still in the kernel when the
// trace ends. Calls that were made before the trace began are found in the registers that the kernel keeps
// for each program (begin()). A task that returns without having made a call is new (a child of fork or
// clone), or comes back from an interrupt or a fault.
//
// Signals and ends of tasks follow from the starts of a few functions of the kernel (kernel_function()),
// because the kernel's memory shows what such a function is about to do. A signal ends the call that it
// interrupts, with the kernel's own result for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "analyzers/syscalls/guest.h"
#include "trace/access.h"
#include "trace/event.h"

namespace panda::syscalls {

// Counts of calls: entered = returned + gone + unfinished + diverted, in total and for each task.
struct PairCounts {
    uint64_t entered = 0;
    uint64_t returned = 0;
    uint64_t gone = 0;         // Ending::gone
    uint64_t unfinished = 0;   // Ending::unfinished; known after finish()
    uint64_t diverted = 0;     // Ending::diverted
    uint64_t in_progress = 0;  // those entered ones that were made before the trace began
    // How often a task made a call while it was in one: the trace lacks a return.
    uint64_t lost_returns = 0;
    // System calls whose task osi could not tell.
    uint64_t without_task = 0;
};

class CallTracker {
  public:
    using EnterCallback = std::function<void(const Call&)>;
    using ReturnCallback = std::function<void(const Call&, const Return&)>;
    // A task's first return to user mode: the child's side of fork, vfork, clone and clone3, which return 0.
    using ChildCallback = std::function<void(const Task&, const trace::SystemReturn&, uint64_t instr)>;

    // A task is about to get a signal: a handler runs, the task is killed or stopped, or a tracer in the
    // guest looks at it. The call that the signal interrupts has returned.
    using SignalCallback = std::function<void(const Task&, const Signal&, uint64_t instr)>;
    // A task ends; the first one of a process when all others have. code: as wait() tells it: the exit status << 8, or the number of the signal that killed
    // it, plus 0x80 if core was dumped.
    using ExitCallback = std::function<void(const Task&, uint32_t code, uint64_t instr)>;
    // A thread has executed a program: all others of its process are gone, and it goes on under the process's
    // number. leader: what it is now. call: the exec, by what it was then; its return follows.
    using SupersededCallback = std::function<void(const Task& leader, const Call& call, uint64_t instr)>;

    // guest: follows the trace, and must outlive this.
    explicit CallTracker(Guest& guest) : guest_(guest) {}
    CallTracker(const CallTracker&) = delete;
    CallTracker& operator=(const CallTracker&) = delete;

    // Callbacks are called in the order in which they were added, those for all calls first. The Call is the
    // same object at the entry and at the return, and goes away after the last callback for its return.
    void on_all_sys_enter(EnterCallback callback) { all_enter_.push_back(std::move(callback)); }
    void on_all_sys_return(ReturnCallback callback) { all_return_.push_back(std::move(callback)); }
    // For calls with that name, of both ABIs. Throws UsageError when no ABI has such a call.
    void on_sys_enter(const std::string& name, EnterCallback callback);
    void on_sys_return(const std::string& name, ReturnCallback callback);
    // The same, with the arguments by name. Typed is a structure of typed_calls.h, which has one for each
    // prototype of the kernel, such as OpenatCall { dfd, filename, flags, mode }. Pointers are addresses in
    // the guest.
    template <typename Typed>
    void on_enter(std::function<void(const Call&, const Typed&)> callback) {
        on_sys_enter(Typed::name,
                     [callback = std::move(callback)](const Call& call) { callback(call, Typed(call)); });
    }
    template <typename Typed>
    void on_return(std::function<void(const Call&, const Typed&, const Return&)> callback) {
        on_sys_return(Typed::name, [callback = std::move(callback)](const Call& call, const Return& result) {
            callback(call, Typed(call), result);
        });
    }
    void on_child(ChildCallback callback) { child_.push_back(std::move(callback)); }
    // If the guest does not tell when the kernel's functions start, there are no signals, and of the ends of
    // tasks only exits.
    void on_signal(SignalCallback callback) { signal_.push_back(std::move(callback)); }
    void on_exit(ExitCallback callback) { exit_.push_back(std::move(callback)); }
    void on_superseded(SupersededCallback callback) { superseded_.push_back(std::move(callback)); }

    // Runs this callback whenever the processor is about to leave the address space in which the call's task
    // runs.
    void watch(const Call& call, std::function<void()> callback) { watched_[&call] = std::move(callback); }
    void unwatch(const Call& call) { watched_.erase(&call); }

    // Call it where the trace starts, and where it goes on after a gap. The guest must be as it is there.
    void begin(uint64_t instr);
    // Call it for events, in order; kinds that do not matter are ignored. The guest must be as it is at the
    // event, and, when the address space changes, still in the old one.
    void event(const trace::Event& event);
    // For calls in which their tasks end: while wants_stores() is true, hand over the stores between the
    // events, in order.
    bool wants_stores() const { return entering_ != nullptr; }
    void stores(std::span<const trace::Access> accesses);
    // One of these functions starts.
    void kernel_function(KernelFunction function, uint64_t instr);
    // Call it after the last event. Calls that are still open are unfinished, or gone with tasks that were
    // killed in them.
    void finish(uint64_t instr);

    // After finish(): another kernel runs, and all tasks are new.
    void forget() { tasks_.clear(); }

    const PairCounts& counts() const { return counts_; }
    // The call that a task is in; null if it is not in one.
    const Call* open_call(uint64_t task) const;
    // The clone or fork, still open, that seems to have made this task: the latest by a task with the same
    // name. Null if the call has already returned.
    const Call* call_that_made(const Task& child) const;

  private:
    struct OpenCall {
        Call call;
        trace::CallGate gate;
        int64_t frame_value = 0;              // for a sigreturn: the rax that it restores
        std::optional<int64_t> kernel_value;  // what the kernel's function has returned
    };
    struct TaskState {
        Task task;
        uint64_t result_place = 0;  // where the kernel keeps the task's rax, on its stack; 0: not known
        const CallDescription* interrupted = nullptr;  // the call that restart_syscall resumes
        std::unique_ptr<OpenCall> open;
    };

    void enter(const trace::Event& event, const trace::SystemCall& entry);
    void leave(const trace::Event& event, const trace::SystemReturn& exit);
    void announce(const Call& call);
    void deliver(const Task& task, const Signal& signal, uint64_t instr);
    void begin_exit(const Task& task, uint64_t instr);
    void end_tasks(uint64_t instr);
    void end_leaders(uint64_t instr);
    void supersede(const Task& leader, const Call& call, uint64_t instr);
    void tell_exit(const Task& task, uint32_t code, uint64_t instr);
    // The state of this very task; null if none is known.
    TaskState* find_state(const Task& task);
    void leave_address_space();
    void note_kernel_value(TaskState& state) const;
    Return end_of(const OpenCall& open, uint64_t instr) const;
    void close(TaskState& state, const Return& result);
    int64_t result_of(const OpenCall& open, const trace::SystemReturn& exit) const;
    TaskState& state_of(const Task& task);

    Guest& guest_;
    std::unordered_map<uint64_t, TaskState> tasks_;  // by the address of the descriptor
    std::unordered_map<const Call*, std::function<void()>> watched_;
    TaskState* entering_ = nullptr;            // the task whose registers the kernel is about to save
    std::unordered_set<uint64_t> delivering_;  // tasks that are taking signals
    std::vector<Task> ending_;                 // tasks that have begun to end
    std::vector<Task> dead_leaders_;           // first threads that have ended, while others go on
    PairCounts counts_;
    std::vector<EnterCallback> all_enter_;
    std::vector<ReturnCallback> all_return_;
    std::map<std::string, std::vector<EnterCallback>, std::less<>> enter_;
    std::map<std::string, std::vector<ReturnCallback>, std::less<>> return_;
    std::vector<ChildCallback> child_;
    std::vector<SignalCallback> signal_;
    std::vector<ExitCallback> exit_;
    std::vector<SupersededCallback> superseded_;
};

}  // namespace panda::syscalls
