#include "analyzers/syscalls/tracker.h"

#include <algorithm>

#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/signal_frame.h"
#include "common/error.h"

namespace panda::syscalls {
namespace {

constexpr unsigned max_frames = 64;  // one for each signal
constexpr int64_t eintr = 4;

}  // namespace

void CallTracker::on_sys_enter(const std::string& name, EnterCallback callback) {
    if (find_call(Abi::x86_64, name) == nullptr && find_call(Abi::i386, name) == nullptr)
        throw UsageError("there is no system call \"" + name + "\"");
    enter_[name].push_back(std::move(callback));
}

void CallTracker::on_sys_return(const std::string& name, ReturnCallback callback) {
    if (find_call(Abi::x86_64, name) == nullptr && find_call(Abi::i386, name) == nullptr)
        throw UsageError("there is no system call \"" + name + "\"");
    return_[name].push_back(std::move(callback));
}

void CallTracker::event(const trace::Event& event) {
    if (!ending_.empty()) [[unlikely]]
        end_tasks(event.instr);
    if (const auto* entry = std::get_if<trace::SystemCall>(&event.detail))
        enter(event, *entry);
    else if (const auto* exit = std::get_if<trace::SystemReturn>(&event.detail))
        leave(event, *exit);
    else if (std::holds_alternative<trace::AddressSpaceChange>(event.detail))
        leave_address_space();
}

void CallTracker::leave_address_space() {
    const auto task = guest_.current_task();
    const auto state = task ? tasks_.find(task->address) : tasks_.end();
    // The descriptor may already belong to a new task that has not been seen yet.
    if (state == tasks_.end() || !state->second.open ||
        (state->second.task.tid != task->tid && !is_exec(state->second.open->call)))
        return;
    note_kernel_value(state->second);
    if (const auto found = watched_.find(&state->second.open->call); found != watched_.end())
        found->second();
}

// entry_SYSCALL_64 (arch/x86/entry/entry_64.S) makes a struct pt_regs at the top of the task's stack. The
// program's ip is the first thing in it that is known here. The task keeps its stack, so it is enough to look
// once.
void CallTracker::stores(std::span<const trace::Access> accesses) {
    constexpr uint64_t ax_before_ip = 6 * 8;  // struct pt_regs: … ax cx dx si di orig_ax ip …
    const OpenCall& open = *entering_->open;
    const uint64_t pushed = return_pc(open.call, open.gate);
    for (const trace::Access& access : accesses) {
        if (!access.is_store() || access.size != 8 || access.value != pushed || access.address >> 63 == 0)
            continue;
        entering_->result_place = access.address - ax_before_ip;
        entering_ = nullptr;
        return;
    }
}

// While a call runs, its result is -ENOSYS (PUSH_AND_CLEAR_REGS in arch/x86/entry/calling.h).
void CallTracker::note_kernel_value(TaskState& state) const {
    constexpr int64_t enosys = 38;
    int64_t value = -enosys;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    if (state.result_place != 0 && guest_.user_memory().read(state.result_place, bytes) && value != -enosys)
        state.open->kernel_value = value;
}

Return CallTracker::end_of(const OpenCall& open, uint64_t instr) const {
    return {Ending::gone, open.kernel_value.value_or(0), instr, open.kernel_value.has_value()};
}

// The state of a task. A descriptor is reused when its task is gone; then a call that was open is gone as
// well. A thread that executes a program takes over the number of its process (fs/exec.c, de_thread).
CallTracker::TaskState& CallTracker::state_of(const Task& task) {
    TaskState& state = tasks_[task.address];
    if (state.open && state.task.tid != task.tid && !is_exec(state.open->call))
        close(state, end_of(*state.open, state.open->call.instr));
    if (state.task.tid != task.tid) {
        state.result_place = 0;
        state.interrupted = nullptr;
    }
    state.task = task;
    return state;
}

void CallTracker::enter(const trace::Event& event, const trace::SystemCall& entry) {
    entering_ = nullptr;
    const auto task = guest_.current_task();
    if (!task) {
        ++counts_.without_task;
        return;
    }
    TaskState& state = state_of(*task);
    if (state.open) {
        ++counts_.lost_returns;
        close(state, {Ending::unfinished, 0, event.instr});
    }
    state.open = std::make_unique<OpenCall>();
    Call& call = state.open->call;
    state.open->gate = entry.gate;
    call.abi = entry.gate == trace::CallGate::syscall ? Abi::x86_64 : Abi::i386;
    // Kernels look at 32 bits of the number (arch/x86/entry/common.c, do_syscall_64).
    call.number = entry.number & 0xffff'ffff;
    call.description = find_call(call.abi, call.number);
    call.arguments = arguments_of(entry, guest_.user_memory());
    call.instr = event.instr;
    call.pc = entry.pc;
    call.stack_pointer = entry.stack_pointer;
    call.task = *task;
    if (is_one_of(call, {"restart_syscall"}))
        call.resumed = state.interrupted;
    unpack_multiplexed(call, guest_.user_memory());
    if (is_sigreturn(call))
        if (const auto saved = saved_at_sigreturn(guest_.user_memory(), call.abi,
                                                  is_one_of(call, {"rt_sigreturn"}), call.stack_pointer))
            state.open->frame_value = saved->ax;
    announce(call);
    if (entry.gate == trace::CallGate::syscall && state.result_place == 0)
        entering_ = &state;
    // Nothing comes back from an exit, unless seccomp turns it away. Only do_exit() tells whether it does.
    if (is_exit(call) && !guest_.tells_functions()) {
        const uint32_t status = static_cast<uint32_t>(call.arguments[0] & 0xff) << 8;
        entering_ = nullptr;
        close(state, {Ending::gone, 0, event.instr});  // and with it the call
        tell_exit(*task, status, event.instr);
    }
}

void CallTracker::announce(const Call& call) {
    ++counts_.entered;
    for (const auto& callback : all_enter_)
        callback(call);
    if (call.description != nullptr && !enter_.empty())
        if (const auto found = enter_.find(call.description->name); found != enter_.end())
            for (const auto& callback : found->second)
                callback(call);
}

void CallTracker::begin(uint64_t instr) {
    guest_.visit_tasks([&](const Task& task, const std::optional<InterruptedProgram>& program) {
        Call call;
        if (program && program->in_call) {
            call.abi = program->abi;
            call.number = program->number;
            call.description = find_call(call.abi, call.number);
            call.arguments = program->arguments;
            call.instr = instr;
            call.pc = program->next_pc - instruction_size;
            call.stack_pointer = program->stack_pointer;
            call.in_progress = true;
            call.task = task;
        }
        // A new task has its parent's registers, except for the result, which no call that makes tasks
        // returns to the parent. The task will be seen when it runs.
        if (makes_tasks(call) && program->result == 0)
            return;
        TaskState& state = state_of(task);
        if (!call.in_progress || state.open)
            return;
        unpack_multiplexed(call, guest_.user_memory());
        state.result_place = program->result_place;
        state.open = std::make_unique<OpenCall>();
        state.open->call = std::move(call);
        // The registers are as after int 0x80, however a 32-bit program entered.
        state.open->gate =
            program->abi == Abi::x86_64 ? trace::CallGate::syscall : trace::CallGate::interrupt;
        ++counts_.in_progress;
        announce(state.open->call);
    });
}

void CallTracker::leave(const trace::Event& event, const trace::SystemReturn& exit) {
    entering_ = nullptr;
    const auto task = guest_.current_task();
    if (!task)
        return;
    delivering_.erase(task->address);
    const bool is_new =
        tasks_.find(task->address) == tasks_.end() || tasks_[task->address].task.tid != task->tid;
    TaskState& state = state_of(*task);
    if (state.open && state.open->call.task.tid != task->tid)
        supersede(*task, state.open->call, event.instr);
    if (state.open) {
        close(state, {Ending::returned, result_of(*state.open, exit), event.instr});
    } else if (is_new) {
        for (const auto& callback : child_)
            callback(*task, exit, event.instr);
    }
}

int64_t CallTracker::result_of(const OpenCall& open, const trace::SystemReturn& exit) const {
    const Call& call = open.call;
    const uint64_t normal = return_pc(call, open.gate);
    const uint64_t restart = restart_pc(call, open.gate);
    if (is_sigreturn(call))
        return open.frame_value;
    if (exit.pc == normal || is_exec(call))
        return value_in(call.abi, exit.value);
    if (exit.pc == restart)
        return restart_value(call, exit.value);
    // A handler runs; if there were several signals at once, their frames are on top of one another.
    uint64_t stack = exit.stack_pointer;
    for (unsigned depth = 0; depth < max_frames; ++depth) {
        const auto saved = saved_at_handler(guest_.user_memory(), call.abi, stack);
        if (!saved)
            break;
        if (saved->ip == restart)
            return restart_value(call, static_cast<uint64_t>(saved->ax));
        if (saved->ip == normal) {
            const Restart kind = call.description ? call.description->restart : Restart::system;
            return saved->ax == -eintr ? -static_cast<int64_t>(kind) : saved->ax;
        }
        stack = saved->sp;
    }
    return value_in(call.abi, exit.value);
}

void CallTracker::close(TaskState& state, const Return& result) {
    const std::unique_ptr<OpenCall> open = std::move(state.open);
    const Call& call = open->call;
    watched_.erase(&call);
    // A restart_syscall may be interrupted itself.
    if (result.ending == Ending::returned && result.value == -static_cast<int64_t>(Restart::block) &&
        !is_one_of(call, {"restart_syscall"}))
        state.interrupted = call.description;
    ++(result.ending == Ending::returned   ? counts_.returned
       : result.ending == Ending::gone     ? counts_.gone
       : result.ending == Ending::diverted ? counts_.diverted
                                           : counts_.unfinished);
    for (const auto& callback : all_return_)
        callback(call, result);
    if (call.description != nullptr && !return_.empty())
        if (const auto found = return_.find(call.description->name); found != return_.end())
            for (const auto& callback : found->second)
                callback(call, result);
}

void CallTracker::finish(uint64_t instr) {
    end_tasks(instr);
    ending_.clear();
    dead_leaders_.clear();
    delivering_.clear();
    // In the order of their entries, because the order of the table means nothing.
    std::vector<TaskState*> open;
    for (auto& [address, state] : tasks_)
        if (state.open)
            open.push_back(&state);
    std::sort(open.begin(), open.end(), [](const TaskState* a, const TaskState* b) {
        return a->open->call.instr < b->open->call.instr;
    });
    for (TaskState* state : open)
        close(*state, guest_.is_alive(state->task) ? Return{Ending::unfinished, 0, instr}
                                                   : end_of(*state->open, instr));
    watched_.clear();
    entering_ = nullptr;
}

const Call* CallTracker::open_call(uint64_t task) const {
    const auto found = tasks_.find(task);
    return found != tasks_.end() && found->second.open ? &found->second.open->call : nullptr;
}

const Call* CallTracker::call_that_made(const Task& child) const {
    const Call* made = nullptr;
    for (const auto& [address, state] : tasks_) {
        if (!state.open || !makes_tasks(state.open->call))
            continue;
        const Call& call = state.open->call;
        // Children run their parent's program at first; the call that was made last is the likeliest.
        if (call.task.pid == child.pid || call.task.name == child.name)
            made = made == nullptr || call.instr > made->instr ? &call : made;
    }
    return made;
}

}  // namespace panda::syscalls
