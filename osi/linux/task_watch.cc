#include "osi/linux/task_watch.h"

#include <utility>

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr uint32_t pf_exiting = 4;  // include/linux/sched.h; has this value since 2.0

}  // namespace

TaskWatch::TaskWatch(const OsiLinux& provider, EventListener& listener)
    : provider_(provider),
      listener_(listener),
      info_(provider.info()),
      tasks_offset_(info_.need(&KernelInfo::task_tasks_offset)),
      link_offset_(info_.panda_task_thread_node_offset && info_.panda_task_signal_offset &&
                           info_.panda_signal_thread_head_offset
                       ? *info_.panda_task_thread_node_offset
                       : info_.need(&KernelInfo::task_thread_group_offset)) {}

bool TaskWatch::start(const EventPoint& at) {
    const Point& point = at.point;
    if (paging_of(*point.cpu) == Paging::none || point.cpu->long_mode() != (info_.pointer_size() == 8))
        return false;
    const KernelMemory memory = provider_.kernel_memory(point);
    init_task_ = memory.wrap(info_.need(&KernelInfo::task_init_addr) + provider_.slide());
    const auto idle = provider_.process(point, {init_task_, 0});
    if (!idle || idle->pid != 0 || idle->name.rfind("swapper", 0) != 0 || !provider_.current_thread(point))
        return false;
    addresses_.clear();
    processes_.clear();
    threads_.clear();
    executing_ = 0;
    change_pending_ = false;
    if (info_.task_switch_task_hook_addr)
        hook_ = memory.wrap(*info_.task_switch_task_hook_addr + provider_.slide());
    if (info_.task_per_cpu_offsets_addr && *info_.task_per_cpu_offsets_addr != 0)
        addresses_.add(memory.wrap(*info_.task_per_cpu_offsets_addr + provider_.slide()),
                       {Role::per_cpu_offset});
    watch_current(point);
    const unsigned pointer_size = memory.pointer_size();
    addresses_.add(memory.wrap(linux_guest::at(init_task_, tasks_offset_) + pointer_size),
                   {Role::process_tail});
    auto handles = provider_.process_handles(point);
    warning_ = std::move(handles.warning);
    for (const ProcessHandle& handle : handles.entries) {
        add_process(memory, handle.task);
        for (const Thread& thread : provider_.threads(point, handle).entries)
            add_thread(memory, thread.task, handle.task);
        ProcessState& process = processes_[handle.task];
        process.finished = process.running == 0;
    }
    listener_.on_start(at, provider_);
    return true;
}

// Early in a boot __per_cpu_offset[0] changes, from the kernel's image to memory of the processor's own.
void TaskWatch::watch_current(const Point& point) {
    addresses_.remove(current_place_);
    current_place_ = provider_.current_task_place(point).value_or(0);
    const auto task =
        current_place_ != 0 ? provider_.kernel_memory(point).pointer(current_place_) : std::nullopt;
    current_ = task.value_or(0);
    if (current_place_ != 0)
        addresses_.add(current_place_, {Role::current_task});
}

std::optional<uint64_t> TaskWatch::thread_tail_of(const KernelMemory& memory, uint64_t leader) const {
    const unsigned pointer_size = memory.pointer_size();
    if (link_offset_ != info_.panda_task_thread_node_offset)
        return memory.wrap(at(leader, link_offset_) + pointer_size);
    const auto signal = memory.pointer(at(leader, *info_.panda_task_signal_offset));
    if (!signal || !memory.is_kernel_address(*signal))
        return std::nullopt;
    return memory.wrap(at(*signal, *info_.panda_signal_thread_head_offset) + pointer_size);
}

void TaskWatch::add_process(const KernelMemory& memory, uint64_t leader) {
    ProcessState process;
    const auto pid = memory.u32(at(leader, info_.need(&KernelInfo::task_tgid_offset)));
    process.pid = static_cast<int32_t>(pid.value_or(0));
    process.thread_tail = thread_tail_of(memory, leader).value_or(0);
    // The idle task's own link is the list's end.
    if (leader != init_task_)
        addresses_.add(memory.wrap(at(leader, tasks_offset_) + memory.pointer_size()),
                       {Role::process_link, leader});
    if (process.thread_tail != 0)
        addresses_.add(process.thread_tail, {Role::thread_tail, leader});
    processes_[leader] = process;
    add_thread(memory, leader, leader);
}

void TaskWatch::add_thread(const KernelMemory& memory, uint64_t task, uint64_t leader) {
    if (threads_.count(task) != 0)
        return;
    ThreadState thread;
    thread.leader = leader;
    thread.memory = memory.pointer(at(task, info_.need(&KernelInfo::task_mm_offset))).value_or(0);
    if (info_.panda_task_flags_offset) {
        const uint64_t flags = memory.wrap(at(task, *info_.panda_task_flags_offset));
        thread.exiting = (memory.u32(flags).value_or(0) & pf_exiting) != 0;
        addresses_.add(flags, {Role::thread_flags, task});
    }
    addresses_.add(memory.wrap(at(task, *info_.task_mm_offset)), {Role::thread_memory, task});
    const uint64_t link = memory.wrap(at(task, link_offset_) + memory.pointer_size());
    // In a ring without a head, the leader's link is already watched as the end.
    if (link != processes_[leader].thread_tail)
        addresses_.add(link, {Role::thread_link, task});
    processes_[leader].running += thread.exiting ? 0 : 1;
    ++processes_[leader].threads;
    threads_[task] = thread;
}

void TaskWatch::remove_thread(uint64_t task) {
    const auto found = threads_.find(task);
    if (found == threads_.end())
        return;
    const bool narrow = info_.pointer_size() == 4;
    const auto forget = [&](uint64_t address) {
        addresses_.remove(narrow ? address & 0xffff'ffff : address);
    };
    if (info_.panda_task_flags_offset)
        forget(at(task, *info_.panda_task_flags_offset));
    forget(at(task, *info_.task_mm_offset));
    forget(at(task, link_offset_) + info_.pointer_size());
    if (const auto process = processes_.find(found->second.leader); process != processes_.end())
        --process->second.threads;
    threads_.erase(found);
}

void TaskWatch::remove_process(uint64_t leader) {
    const auto found = processes_.find(leader);
    if (found == processes_.end())
        return;
    if (found->second.executing)
        --executing_;
    addresses_.remove(found->second.thread_tail);
    const uint64_t link = at(leader, tasks_offset_) + info_.pointer_size();
    addresses_.remove(info_.pointer_size() == 4 ? link & 0xffff'ffff : link);
    remove_thread(leader);
    // No other thread should be left, but damaged memory may say otherwise.
    if (found->second.threads != 0) {
        std::vector<uint64_t> gone;
        for (const auto& [task, thread] : threads_)
            if (thread.leader == leader)
                gone.push_back(task);
        for (const uint64_t task : gone)
            remove_thread(task);
    }
    processes_.erase(found);
}

void TaskWatch::on_store(const WatchedStore& store) {
    // An earlier store of the same block may have ended the watch.
    const WatchedAddresses::Watch* const watch = addresses_.find(store.address);
    if (watch == nullptr)
        return;
    const uint64_t task = watch->task;
    switch (watch->role) {
        case Role::current_task:
            return switch_to(store);
        case Role::per_cpu_offset:
            return watch_current(store.at.point);
        case Role::process_tail:
            return on_process_tail(store);
        case Role::process_link:
            return on_process_link(store, task);
        case Role::thread_tail:
            return on_thread_tail(store, task);
        case Role::thread_link:
            if (is_off_list(provider_.kernel_memory(store.at.point), store.value)) {
                finish_thread(store.at, task);
                remove_thread(task);
            }
            return;
        case Role::thread_flags:
            return on_flags(store, task);
        case Role::thread_memory:
            return on_memory(store, task);
    }
}

void TaskWatch::switch_to(const WatchedStore& store) {
    if (store.value == current_)
        return;
    if (change_pending_)
        tell_change(store.at);
    current_ = store.value;
    change_pending_ = true;
    wants_blocks_ = hook_ != 0;
    if (hook_ == 0)
        tell_change(store.at);
}

void TaskWatch::tell_change(const EventPoint& at) {
    change_pending_ = false;
    wants_blocks_ = false;
    if (const auto thread = provider_.thread(at.point, current_))
        listener_.on_task_change(at, *thread);
}

void TaskWatch::on_block(const EventPoint& at) {
    if (change_pending_ && at.pc == hook_)
        tell_change(at);
}

void TaskWatch::on_user_mode(const EventPoint& at) {
    if (change_pending_)
        tell_change(at);
    if (executing_ == 0)
        return;
    const auto thread = threads_.find(current_);
    if (thread == threads_.end())
        return;
    ProcessState& process = processes_[thread->second.leader];
    if (!process.executing)
        return;
    process.executing = false;
    --executing_;
    if (const auto now = provider_.process(at.point, {thread->second.leader, 0}))
        listener_.on_exec(at, *now);
}

// Whether list_del_rcu() or list_replace_rcu() has put LIST_POISON2 (include/linux/poison.h) where the end of
// a list leads now. The poison is not an address at all on x86_64, and a user's address on i386.
bool TaskWatch::is_off_list(const KernelMemory& memory, uint64_t link) const {
    return !memory.is_kernel_address(link) || !memory.space().translate(link);
}

// The end moves when a process is added, and when the last process goes.
void TaskWatch::on_process_tail(const WatchedStore& store) {
    const KernelMemory memory = provider_.kernel_memory(store.at.point);
    const uint64_t task = memory.wrap(store.value - static_cast<uint64_t>(tasks_offset_));
    // A known thread may take the place of its process's first one.
    if (is_off_list(memory, store.value) || task == init_task_ || processes_.count(task) != 0 ||
        threads_.count(task) != 0)
        return;
    add_process(memory, task);
    if (const auto process = provider_.process(store.at.point, {task, 0}))
        listener_.on_new_process(store.at, *process);
}

void TaskWatch::on_process_link(const WatchedStore& store, uint64_t leader) {
    const KernelMemory memory = provider_.kernel_memory(store.at.point);
    if (!is_off_list(memory, store.value))
        return;
    // Both leave the forward link in place. Which process is now before the next one?
    const auto next = memory.pointer(at(leader, tasks_offset_));
    const auto link = next ? memory.pointer(memory.wrap(*next + memory.pointer_size())) : std::nullopt;
    const uint64_t heir = link ? memory.wrap(*link - static_cast<uint64_t>(tasks_offset_)) : 0;
    const auto thread = threads_.find(heir);
    if (thread == threads_.end() || thread->second.leader != leader || heir == leader) {
        finish_process(store.at, leader);
        remove_process(leader);
        return;
    }
    ProcessState process = processes_[leader];
    addresses_.remove(memory.wrap(at(leader, tasks_offset_) + memory.pointer_size()));
    processes_.erase(leader);
    addresses_.add(memory.wrap(at(heir, tasks_offset_) + memory.pointer_size()), {Role::process_link, heir});
    addresses_.remove(process.thread_tail);
    process.thread_tail = thread_tail_of(memory, heir).value_or(0);
    addresses_.add(process.thread_tail, {Role::thread_tail, heir});
    processes_[heir] = process;
    for (auto& [task, state] : threads_)
        if (state.leader == leader)
            state.leader = heir;
}

void TaskWatch::on_thread_tail(const WatchedStore& store, uint64_t leader) {
    const KernelMemory memory = provider_.kernel_memory(store.at.point);
    const uint64_t task = memory.wrap(store.value - static_cast<uint64_t>(link_offset_));
    if (is_off_list(memory, store.value) || threads_.count(task) != 0)
        return;
    // When the last thread has gone, this is the list's own head, which does not belong to a task.
    const auto thread = provider_.thread(store.at.point, task);
    if (!thread || thread->pid != processes_[leader].pid)
        return;
    add_thread(memory, task, leader);
    listener_.on_new_thread(store.at, *thread);
}

void TaskWatch::on_flags(const WatchedStore& store, uint64_t task) {
    if ((store.value & pf_exiting) != 0)
        finish_thread(store.at, task);
}

void TaskWatch::finish_thread(const EventPoint& at, uint64_t task) {
    const auto found = threads_.find(task);
    if (found == threads_.end() || found->second.exiting)
        return;
    found->second.exiting = true;
    if (const auto thread = provider_.thread(at.point, task))
        listener_.on_finished_thread(at, *thread);
    const uint64_t leader = found->second.leader;
    if (--processes_[leader].running == 0)
        finish_process(at, leader);
}

void TaskWatch::finish_process(const EventPoint& at, uint64_t leader) {
    ProcessState& state = processes_[leader];
    if (std::exchange(state.finished, true))
        return;
    if (const auto process = provider_.process(at.point, {leader, 0}))
        listener_.on_finished_process(at, *process);
}

void TaskWatch::on_memory(const WatchedStore& store, uint64_t task) {
    const auto found = threads_.find(task);
    if (found == threads_.end() || found->second.memory == store.value)
        return;
    found->second.memory = store.value;
    ProcessState& process = processes_[found->second.leader];
    const bool executing = store.value != 0;
    if (executing != process.executing)
        executing_ += executing ? 1 : -1;
    process.executing = executing;
}

}  // namespace panda::osi::linux_guest
