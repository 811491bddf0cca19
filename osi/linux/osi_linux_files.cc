// OsiLinux: the files that a process holds open.
#include "osi/linux/osi_linux.h"
#include "osi/linux/paths.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr uint64_t max_files = uint64_t{1} << 20;  // sysctl fs.nr_open by default
// With this many unreadable files it is not a table. Each costs a walk up a path that may lead anywhere.
constexpr unsigned max_unreadable = 16;

// A process's table of open files: task->files->fdt, whose array `fd` has `size` pointers to struct file.
struct Table {
    uint64_t fd = 0;
    uint64_t size = 0;
};

// Returns nothing when it cannot be read, and size 0 when the process has ended and so has no table.
std::optional<Table> table_of(const KernelMemory& memory, const KernelInfo& info, uint64_t task) {
    const auto files = memory.pointer(at(task, info.need(&KernelInfo::task_files_offset)));
    if (files == uint64_t{0})
        return Table{};
    if (!files || !memory.is_kernel_address(*files))
        return std::nullopt;
    const auto table = memory.pointer(at(*files, info.need(&KernelInfo::fs_fdt_offset)));
    if (!table || !memory.is_kernel_address(*table))
        return std::nullopt;
    const auto fd = memory.pointer(at(*table, info.need(&KernelInfo::fs_fd_offset)));
    // struct fdtable starts with max_fds; PANDA's own groups do not say so.
    const auto size = memory.u32(at(*table, info.panda_fdtable_max_fds_offset.value_or(0)));
    if (!fd || !size || !memory.is_kernel_address(*fd) || *size > max_files)
        return std::nullopt;
    return Table{*fd, *size};
}

// The position in struct file has 64 bits on all machines.
std::optional<OpenFile> read_file(const KernelMemory& memory, const KernelInfo& info, int64_t fd,
                                  uint64_t descriptor) {
    if (!memory.is_kernel_address(descriptor))
        return std::nullopt;
    const auto position = memory.u64(at(descriptor, info.need(&KernelInfo::fs_f_pos_offset)));
    if (!position)
        return std::nullopt;
    return OpenFile{fd, descriptor, Paths(memory, info).of_file(descriptor), *position};
}

}  // namespace

List<OpenFile> OsiLinux::files(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    List<OpenFile> list;
    const auto table = table_of(memory, info_, handle.task);
    unsigned unreadable = table ? 0 : max_unreadable;
    for (uint64_t fd = 0; table && fd < table->size && unreadable < max_unreadable; ++fd) {
        const auto descriptor = memory.pointer(table->fd + fd * pointer_size_);
        if (descriptor == uint64_t{0})
            continue;
        auto file = descriptor ? read_file(memory, info_, static_cast<int64_t>(fd), *descriptor)
                               : std::optional<OpenFile>();
        if (!file || file->name.empty())
            ++unreadable;
        if (file)
            list.entries.push_back(std::move(*file));
    }
    if (unreadable > 0)
        list.warning = table ? "the list of open files is incomplete: some cannot be read"
                             : "the list of open files is incomplete: the table cannot be read";
    return list;
}

std::optional<OpenFile> OsiLinux::file(const Point& point, const ProcessHandle& handle, int64_t fd) const {
    const KernelMemory memory = kernel_memory(point);
    const auto table = table_of(memory, info_, handle.task);
    if (!table || fd < 0 || static_cast<uint64_t>(fd) >= table->size)
        return std::nullopt;
    const auto descriptor = memory.pointer(table->fd + static_cast<uint64_t>(fd) * pointer_size_);
    return descriptor ? read_file(memory, info_, fd, *descriptor) : std::nullopt;
}

}  // namespace panda::osi::linux_guest
