#include "osi/linux/osi_linux.h"

#include <algorithm>

#include "osi/linux/list.h"
#include "osi/linux/task_watch.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

// include/linux/sched.h; both have had these values since 2.6.
constexpr uint32_t pf_wq_worker = 0x20;
constexpr uint32_t pf_kthread = 0x0020'0000;
constexpr size_t max_title = 64;

constexpr size_t max_comm = 64;

}  // namespace

OsiLinux::OsiLinux(KernelInfo info, const Point& point)
    : info_(std::move(info)), attachment_(attach(point, info_)), pointer_size_(info_.pointer_size()) {}

OsiLinux::OsiLinux(KernelInfo info, const Attachment& attachment)
    : info_(std::move(info)), attachment_(attachment), pointer_size_(info_.pointer_size()) {}

KernelMemory OsiLinux::kernel_memory(const Point& point) const {
    // In system management mode, firmware has its own mode and page tables; the kernel waits as it is.
    const Paging paging = point.cpu->system_management && attachment_.paging != Paging::none
                              ? attachment_.paging
                              : paging_of(*point.cpu);
    return KernelMemory(AddressSpace(*point.memory, attachment_.kernel_root, paging), pointer_size_);
}

List<ProcessHandle> OsiLinux::process_handles(const Point& point) const {
    const KernelMemory memory = kernel_memory(point);
    const int64_t tasks = info_.need(&KernelInfo::task_tasks_offset);
    const uint64_t init = memory.wrap(moved(info_.need(&KernelInfo::task_init_addr)));
    List<ProcessHandle> list;
    list.entries.push_back({init, asid(memory, init).value_or(0)});
    list.warning = walk_list(memory, at(init, tasks), [&](uint64_t node) {
        const uint64_t task = memory.wrap(node - static_cast<uint64_t>(tasks));
        list.entries.push_back({task, asid(memory, task).value_or(0)});
        return true;
    });
    if (!list.warning.empty())
        list.warning = "the process list is incomplete: " + list.warning;
    return list;
}

List<Process> OsiLinux::processes(const Point& point) const {
    const KernelMemory memory = kernel_memory(point);
    List<ProcessHandle> handles = process_handles(point);
    List<Process> list;
    list.warning = std::move(handles.warning);
    for (const ProcessHandle& handle : handles.entries) {
        if (auto process = read_process(memory, handle.task))
            list.entries.push_back(std::move(*process));
        else if (list.warning.empty())
            list.warning = "the process list is incomplete: a task on it cannot be read";
    }
    return list;
}

std::optional<Process> OsiLinux::process(const Point& point, const ProcessHandle& handle) const {
    return read_process(kernel_memory(point), handle.task);
}

std::string OsiLinux::walk_threads(const KernelMemory& memory, uint64_t leader,
                                   const std::function<bool(uint64_t)>& visit) const {
    if (info_.panda_task_thread_node_offset && info_.panda_task_signal_offset &&
        info_.panda_signal_thread_head_offset) {
        const int64_t node_offset = *info_.panda_task_thread_node_offset;
        const auto signal = memory.pointer(at(leader, *info_.panda_task_signal_offset));
        if (!signal || !memory.is_kernel_address(*signal))
            return "the task has no signal_struct";
        return walk_list(memory, at(*signal, *info_.panda_signal_thread_head_offset), [&](uint64_t node) {
            return visit(memory.wrap(node - static_cast<uint64_t>(node_offset)));
        });
    }
    // The older ring has no head of its own; it starts at the leader.
    const int64_t ring_offset = info_.need(&KernelInfo::task_thread_group_offset);
    if (!visit(leader))
        return {};
    return walk_list(memory, at(leader, ring_offset), [&](uint64_t node) {
        return visit(memory.wrap(node - static_cast<uint64_t>(ring_offset)));
    });
}

List<Thread> OsiLinux::threads(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    List<Thread> list;
    list.warning = walk_threads(memory, handle.task, [&](uint64_t task) {
        auto thread = read_thread(memory, task);
        if (thread)
            list.entries.push_back(std::move(*thread));
        return thread.has_value();
    });
    if (!list.warning.empty())
        list.warning = "the thread list is incomplete: " + list.warning;
    return list;
}

std::optional<uint64_t> OsiLinux::current_task_place(const Point& point) const {
    // There is one processor, so its per-CPU area is the first. (arch/x86/include/asm/current.h reads
    // %gs:current_task, where the base of gs is __per_cpu_offset of the processor; on i386 it is fs.)
    return per_cpu_place(point, info_.need(&KernelInfo::task_current_task_addr));
}

std::optional<uint64_t> OsiLinux::per_cpu_place(const Point& point, uint64_t variable) const {
    const KernelMemory memory = kernel_memory(point);
    // Until 6.14, x86_64 links per-CPU variables at 0. If they have kernel addresses, they move with the
    // kernel.
    if (memory.is_kernel_address(variable))
        variable = moved(variable);
    std::optional<uint64_t> offset = info_.task_per_cpu_offset_0_addr;
    if (info_.task_per_cpu_offsets_addr && *info_.task_per_cpu_offsets_addr != 0)
        offset = memory.pointer(moved(*info_.task_per_cpu_offsets_addr));
    return offset ? std::optional(memory.wrap(variable + *offset)) : std::nullopt;
}

std::optional<uint64_t> OsiLinux::current_task(const Point& point) const {
    const KernelMemory memory = kernel_memory(point);
    const auto place = current_task_place(point);
    const auto task = place ? memory.pointer(*place) : std::nullopt;
    return task && memory.is_kernel_address(*task) ? task : std::nullopt;
}

std::optional<uint64_t> OsiLinux::group_leader(const KernelMemory& memory, uint64_t task) const {
    const auto leader = memory.pointer(at(task, info_.need(&KernelInfo::task_group_leader_offset)));
    return leader && memory.is_kernel_address(*leader) ? leader : std::nullopt;
}

std::optional<ProcessHandle> OsiLinux::current_process_handle(const Point& point) const {
    const KernelMemory memory = kernel_memory(point);
    const auto task = current_task(point);
    const auto leader = task ? group_leader(memory, *task) : std::nullopt;
    if (!leader)
        return std::nullopt;
    return ProcessHandle{*leader, asid(memory, *leader).value_or(0)};
}

std::optional<Thread> OsiLinux::thread(const Point& point, uint64_t task) const {
    return read_thread(kernel_memory(point), task);
}

std::unique_ptr<EventWatch> OsiLinux::watch(EventListener& listener) const {
    return std::make_unique<TaskWatch>(*this, listener);
}

std::optional<Thread> OsiLinux::current_thread(const Point& point) const {
    const auto task = current_task(point);
    return task ? read_thread(kernel_memory(point), *task) : std::nullopt;
}

std::optional<int64_t> OsiLinux::number(const KernelMemory& memory, uint64_t task,
                                        kernelinfo::Offset member) const {
    const auto value = memory.u32(at(task, *member));
    return value ? std::optional<int64_t>(static_cast<int32_t>(*value)) : std::nullopt;
}

// The memory of a process whose first thread has ended before others: it is the memory of those, as
// find_lock_task_mm() of mm/oom_kill.c finds it.
std::optional<uint64_t> OsiLinux::memory_of_others(const KernelMemory& memory, uint64_t leader) const {
    std::optional<uint64_t> found = 0;
    const bool kernel_thread =
        !info_.panda_task_flags_offset ||
        (memory.u32(at(leader, *info_.panda_task_flags_offset)).value_or(pf_kthread) & pf_kthread) != 0;
    if (!kernel_thread)
        walk_threads(memory, leader, [&](uint64_t task) {
            found = memory.pointer(at(task, *info_.task_mm_offset));
            return found == uint64_t{0};
        });
    return found;
}

std::optional<uint64_t> OsiLinux::asid(const KernelMemory& memory, uint64_t task) const {
    auto mm = memory.pointer(at(task, info_.need(&KernelInfo::task_mm_offset)));
    if (mm == uint64_t{0})
        mm = memory_of_others(memory, task);
    if (!mm || *mm == 0)
        return mm;
    const auto table = memory.pointer(at(*mm, info_.need(&KernelInfo::mm_pgd_offset)));
    return table ? memory.space().translate(memory.wrap(*table)) : std::nullopt;
}

std::optional<Process> OsiLinux::read_process(const KernelMemory& memory, uint64_t task) const {
    info_.need(&KernelInfo::task_tgid_offset);
    const auto pid = number(memory, task, info_.task_tgid_offset);
    const auto parent = memory.pointer(at(task, info_.need(&KernelInfo::task_real_parent_offset)));
    const auto ppid = parent ? number(memory, *parent, info_.task_tgid_offset) : std::nullopt;
    const auto space = asid(memory, task);
    if (!pid || !ppid || !space)
        return std::nullopt;
    Process process;
    process.handle = {task, *space};
    process.pid = *pid;
    process.ppid = *ppid;
    process.name = comm(memory, task);
    process.title = title(memory, task, process.name);
    return process;
}

std::optional<Thread> OsiLinux::read_thread(const KernelMemory& memory, uint64_t task) const {
    info_.need(&KernelInfo::task_tgid_offset);
    info_.need(&KernelInfo::task_pid_offset);
    const auto pid = number(memory, task, info_.task_tgid_offset);
    const auto tid = number(memory, task, info_.task_pid_offset);
    if (!pid || !tid)
        return std::nullopt;
    return Thread{task, *pid, *tid, comm(memory, task)};
}

std::string OsiLinux::comm(const KernelMemory& memory, uint64_t task) const {
    const auto size =
        static_cast<size_t>(std::clamp<int64_t>(info_.task_comm_size.value_or(16), 1, max_comm));
    return memory.raw_string(at(task, info_.need(&KernelInfo::task_comm_offset)), size - 1).value_or("");
}

// What wq_worker_comm() of kernel/workqueue.c makes of a worker's name.
std::string OsiLinux::worker_title(const KernelMemory& memory, uint64_t kthread,
                                   const std::string& comm) const {
    if (!info_.panda_kthread_data_offset || !info_.panda_worker_desc_offset ||
        !info_.panda_worker_current_work_offset)
        return comm;
    const auto worker = memory.pointer(at(kthread, *info_.panda_kthread_data_offset));
    if (!worker || !memory.is_kernel_address(*worker))
        return comm;
    std::string title = comm;
    const auto field = [&](const kernelinfo::Offset& offset) {
        return offset ? memory.pointer(at(*worker, *offset)).value_or(0) : 0;
    };
    // Rescuers have this name since about 6.9 (format_worker_id()); comm has it cut short.
    const uint64_t rescued = field(info_.panda_worker_rescue_wq_offset);
    if (comm.rfind("kworker/R-", 0) == 0 && memory.is_kernel_address(rescued) &&
        info_.panda_workqueue_name_offset)
        title =
            "kworker/R-" + memory.string(at(rescued, *info_.panda_workqueue_name_offset), 31).value_or("");
    // What it works on, or worked on last, as long as it belongs to a pool.
    if (info_.panda_worker_pool_offset && field(info_.panda_worker_pool_offset) == 0)
        return title;
    const std::string work = memory.string(at(*worker, *info_.panda_worker_desc_offset), 31).value_or("");
    if (!work.empty())
        title += (field(info_.panda_worker_current_work_offset) != 0 ? "+" : "-") + work;
    return title.substr(0, max_title - 1);
}

// What proc_task_name() of fs/proc/array.c makes of a task's name: the long name of a kernel thread, and what
// a worker works on.
std::string OsiLinux::title(const KernelMemory& memory, uint64_t task, const std::string& comm) const {
    if (!info_.panda_task_flags_offset || !info_.panda_task_worker_private_offset)
        return comm;
    const uint32_t flags = memory.u32(at(task, *info_.panda_task_flags_offset)).value_or(0);
    const auto kthread = memory.pointer(at(task, *info_.panda_task_worker_private_offset));
    if ((flags & pf_kthread) == 0 || !kthread || !memory.is_kernel_address(*kthread))
        return comm;
    if ((flags & pf_wq_worker) != 0)
        return worker_title(memory, *kthread, comm);
    if (!info_.panda_kthread_full_name_offset)
        return comm;
    const auto name = memory.pointer(at(*kthread, *info_.panda_kthread_full_name_offset));
    if (!name || !memory.is_kernel_address(*name))
        return comm;
    return memory.string(*name, max_title - 1).value_or(comm);
}

}  // namespace panda::osi::linux_guest
