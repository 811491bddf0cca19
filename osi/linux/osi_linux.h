// osi_linux: introspection of Linux guests, by the offsets of a kernelinfo.conf group.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/attach.h"
#include "osi/linux/kernel_memory.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

class OsiLinux final : public Provider {
  public:
    // Finds the kernel at `point`. It stays where it is until the guest reboots, so other points of the same
    // run need no search. When another kernel runs, throws an Error that names file, group, key and the
    // banner that was found.
    OsiLinux(kernelinfo::KernelInfo info, const Point& point);
    OsiLinux(kernelinfo::KernelInfo info, const Attachment& attachment);

    List<ProcessHandle> process_handles(const Point& point) const override;
    List<Process> processes(const Point& point) const override;
    std::optional<Process> process(const Point& point, const ProcessHandle& handle) const override;
    List<Thread> threads(const Point& point, const ProcessHandle& handle) const override;
    ProcessDetails details(const Point& point, const ProcessHandle& handle) const override;
    List<std::string> arguments(const Point& point, const ProcessHandle& handle) const override;
    List<std::string> environment(const Point& point, const ProcessHandle& handle) const override;
    std::optional<ProcessHandle> current_process_handle(const Point& point) const override;
    std::optional<Thread> current_thread(const Point& point) const override;
    List<Mapping> mappings(const Point& point, const ProcessHandle& handle) const override;
    List<OpenFile> files(const Point& point, const ProcessHandle& handle) const override;
    std::optional<OpenFile> file(const Point& point, const ProcessHandle& handle, int64_t fd) const override;
    List<OpenSocket> sockets(const Point& point, const ProcessHandle& handle) const override;
    std::optional<Socket> socket(const Point& point, const ProcessHandle& handle, int64_t fd) const override;
    List<Socket> known_sockets(const Point& point) const override;
    List<Module> modules(const Point& point) const override;
    List<KernelSymbol> kernel_symbols(const Point& point) const override;
    List<KernelSymbol> module_symbols(const Point& point, const Module& module) const override;

    std::unique_ptr<EventWatch> watch(EventListener& listener) const override;

    const kernelinfo::KernelInfo& info() const { return info_; }
    uint64_t slide() const { return attachment_.slide; }
    // The kernel's own view of memory.
    KernelMemory kernel_memory(const Point& point) const;
    // The thread that has this task descriptor; nothing if it cannot be read.
    std::optional<Thread> thread(const Point& point, uint64_t task) const;
    // The address of the per-CPU variable that says which task the processor runs.
    std::optional<uint64_t> current_task_place(const Point& point) const;
    // The name of a network interface, by its number, in the namespace of the thread that runs; nothing if there is
    // none.
    std::optional<std::string> interface_name(const Point& point, uint32_t number) const;
    // The address at run time of something in the kernel's image.
    uint64_t moved(uint64_t linked) const { return linked + attachment_.slide; }

  private:
    // The address of the first processor's instance of a per-CPU variable, which was linked at `variable`.
    std::optional<uint64_t> per_cpu_place(const Point& point, uint64_t variable) const;
    std::optional<uint64_t> current_task(const Point& point) const;
    std::optional<uint64_t> group_leader(const KernelMemory& memory, uint64_t task) const;
    std::optional<int64_t> number(const KernelMemory& memory, uint64_t task, kernelinfo::Offset member) const;
    // Calls visit with the task of each thread of a process, until visit returns false. Returns why the walk
    // ended early; empty if it did not.
    std::string walk_threads(const KernelMemory& memory, uint64_t leader,
                             const std::function<bool(uint64_t)>& visit) const;
    std::optional<uint64_t> memory_of_others(const KernelMemory& memory, uint64_t leader) const;
    // The address space of a task; nothing if its memory cannot be read.
    std::optional<uint64_t> asid(const KernelMemory& memory, uint64_t task) const;
    std::optional<Process> read_process(const KernelMemory& memory, uint64_t task) const;
    std::optional<Thread> read_thread(const KernelMemory& memory, uint64_t task) const;
    std::vector<int64_t> namespace_pids(const KernelMemory& memory, uint64_t task) const;
    std::string title(const KernelMemory& memory, uint64_t task, const std::string& comm) const;
    std::string worker_title(const KernelMemory& memory, uint64_t kthread, const std::string& comm) const;
    Mapping read_mapping(const KernelMemory& memory, uint64_t mm, uint64_t area) const;
    // What /proc/PID/maps calls memory that belongs to no file; empty if it has no name.
    std::string area_name(const KernelMemory& memory, uint64_t mm, const Mapping& mapping) const;
    uint64_t module_size(const KernelMemory& memory, uint64_t module) const;
    std::string comm(const KernelMemory& memory, uint64_t task) const;
    // The address of a task's mm_struct; 0 for kernel threads and zombies; nothing if it cannot be read.
    std::optional<uint64_t> memory_of(const KernelMemory& memory, uint64_t task) const;
    // The memory that a process itself sees.
    AddressSpace user_space(const Point& point, const KernelMemory& memory, uint64_t mm) const;

    kernelinfo::KernelInfo info_;
    Attachment attachment_;
    unsigned pointer_size_;
};

}  // namespace panda::osi::linux_guest
