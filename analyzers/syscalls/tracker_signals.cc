// What the starts of the kernel's functions tell: signals, and how tasks end.
#include <algorithm>
#include <cstring>

#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/tracker.h"

namespace panda::syscalls {
namespace {

// Whether the signal stands for a system call that was not made (kernel/entry/syscall_user_dispatch.c).
bool replaces_call(const Signal& signal) {
    constexpr int32_t sigsys = 31, sys_user_dispatch = 2;
    int32_t head[3];  // si_signo, si_errno, si_code
    std::memcpy(head, signal.info.data(), sizeof head);
    return head[0] == sigsys && head[2] == sys_user_dispatch;
}

}  // namespace

void CallTracker::kernel_function(KernelFunction function, uint64_t instr) {
    const auto task = guest_.current_task();
    if (!task)
        return;
    switch (function) {
        case KernelFunction::get_signal:
            delivering_.insert(task->address);
            if (const auto signal = guest_.synchronous_signal())
                deliver(*task, *signal, instr);
            break;
        case KernelFunction::dequeue_signal:
            // signalfd and sigtimedwait also take signals with it, as results of calls.
            if (delivering_.count(task->address) != 0)
                if (const auto signal = guest_.next_signal())
                    deliver(*task, *signal, instr);
            break;
        case KernelFunction::do_exit:
            begin_exit(*task, instr);
            break;
    }
}

// A call that is an exit ends here. What any other call had done is told when the task has ended.
void CallTracker::begin_exit(const Task& task, uint64_t instr) {
    delivering_.erase(task.address);
    if (TaskState* state = find_state(task); state != nullptr && state->open) {
        if (is_exit(state->open->call))
            close(*state, {Ending::gone, 0, instr});
        else
            note_kernel_value(*state);
    }
    if (guest_.has_program(task))
        ending_.push_back(task);
}

CallTracker::TaskState* CallTracker::find_state(const Task& task) {
    const auto found = tasks_.find(task.address);
    return found != tasks_.end() && found->second.task.tid == task.tid ? &found->second : nullptr;
}

// Signals are taken on the way back to the program, so the call, if there is one, has done its work. The
// kernel's own result of it is with the program's registers.
void CallTracker::deliver(const Task& task, const Signal& signal, uint64_t instr) {
    if (TaskState* state = find_state(task); state != nullptr && state->open) {
        const OpenCall& open = *state->open;
        const auto program = guest_.interrupted_program();
        if (replaces_call(signal))
            close(*state, {Ending::diverted, 0, instr});
        else if (is_sigreturn(open.call))
            close(*state, {Ending::returned, open.frame_value, instr});
        else if (program && program->in_call)
            close(*state,
                  {Ending::returned, value_in(open.call.abi, static_cast<uint64_t>(program->result)), instr});
    }
    if (guest_.is_final(signal))
        return;
    for (const auto& callback : signal_)
        callback(task, signal, instr);
}

// Reports those of the tasks that have begun to end that have ended now.
void CallTracker::end_tasks(uint64_t instr) {
    std::vector<Task> ending;
    ending.swap(ending_);
    bool any_ended = false;
    for (const Task& task : ending) {
        const auto code = guest_.exit_code(task);
        if (!code) {
            ending_.push_back(task);
            continue;
        }
        any_ended = true;
        if (TaskState* state = find_state(task); state != nullptr && state->open)
            close(*state, end_of(*state->open, instr));
        if (task.pid == task.tid)
            dead_leaders_.push_back(task);
        else
            tell_exit(task, *code, instr);
    }
    if (any_ended)
        end_leaders(instr);
}

// The first thread of a process is the process to those who wait for it, so its end is not told before that
// of the others (kernel/exit.c, delay_group_leader).
void CallTracker::end_leaders(uint64_t instr) {
    std::vector<Task> leaders;
    leaders.swap(dead_leaders_);
    for (const Task& leader : leaders) {
        const auto code = guest_.exit_code(leader);
        if (!code || guest_.has_other_threads(leader))
            dead_leaders_.push_back(leader);
        else
            tell_exit(leader, *code, instr);
    }
}

// An exec ends all threads but its own; then its own takes the number of the process (fs/exec.c, de_thread).
void CallTracker::supersede(const Task& leader, const Call& call, uint64_t instr) {
    const auto is_old = [&leader](const Task& task) {
        return task.tid == leader.tid && task.address != leader.address;
    };
    for (std::vector<Task>* list : {&ending_, &dead_leaders_})
        list->erase(std::remove_if(list->begin(), list->end(), is_old), list->end());
    for (auto& [address, state] : tasks_)
        if (is_old(state.task) && state.open)
            close(state, end_of(*state.open, instr));
    for (const auto& callback : superseded_)
        callback(leader, call, instr);
}

void CallTracker::tell_exit(const Task& task, uint32_t code, uint64_t instr) {
    for (const auto& callback : exit_)
        callback(task, code, instr);
}

}  // namespace panda::syscalls
