// What the starts of the kernel's functions tell: signals, and how tasks end.
#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/tracker.h"

namespace panda::syscalls {

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
            delivering_.erase(task->address);
            if (const auto found = tasks_.find(task->address); found != tasks_.end() && found->second.open)
                note_kernel_value(found->second);
            if (guest_.has_program(*task))
                ending_.push_back(*task);
            break;
    }
}

// Signals are taken on the way back to the program, so the call, if there is one, has done its work. The
// kernel's own result of it is with the program's registers.
void CallTracker::deliver(const Task& task, const Signal& signal, uint64_t instr) {
    const auto found = tasks_.find(task.address);
    if (found != tasks_.end() && found->second.open && found->second.task.tid == task.tid) {
        const OpenCall& open = *found->second.open;
        const auto program = guest_.interrupted_program();
        if (is_sigreturn(open.call))
            close(found->second, {Ending::returned, open.frame_value, instr});
        else if (program && program->in_call)
            close(found->second,
                  {Ending::returned, value_in(open.call.abi, static_cast<uint64_t>(program->result)), instr});
    }
    for (const auto& callback : signal_)
        callback(task, signal, instr);
}

// Reports those of the tasks that have begun to end that have ended now.
void CallTracker::end_tasks(uint64_t instr) {
    std::vector<Task> ending;
    ending.swap(ending_);
    for (const Task& task : ending) {
        const auto code = guest_.exit_code(task);
        if (!code) {
            ending_.push_back(task);
            continue;
        }
        if (const auto found = tasks_.find(task.address);
            found != tasks_.end() && found->second.open && found->second.task.tid == task.tid)
            close(found->second, end_of(*found->second.open, instr));
        tell_exit(task, *code, instr);
    }
}

void CallTracker::tell_exit(const Task& task, uint32_t code, uint64_t instr) {
    for (const auto& callback : exit_)
        callback(task, code, instr);
}

}  // namespace panda::syscalls
