// OsiLinux: who owns a process, when it was started, and with what.
#include <algorithm>
#include <array>

#include "osi/linux/list.h"
#include "osi/linux/namespaces.h"
#include "osi/linux/osi_linux.h"
#include "osi/linux/paths.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

// Arguments and environment together are at most three quarters of _STK_LIM, 6 MiB (fs/exec.c).
constexpr uint64_t max_text = uint64_t{8} << 20;

struct Range {
    uint64_t start = 0;
    uint64_t end = 0;
};

// What can be read of [start, end), up to the first page that cannot be read.
std::string read_text(const AddressSpace& space, Range range) {
    std::string text;
    std::array<char, 4096> page;
    while (range.start < range.end) {
        const size_t size =
            std::min<uint64_t>(range.end - range.start, page.size() - range.start % page.size());
        if (!space.read(range.start, std::as_writable_bytes(std::span(page)).first(size)))
            break;
        text.append(page.data(), size);
        range.start += size;
    }
    return text;
}

// Splits texts that each end with a zero; the last one may lack it.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (size_t start = 0; start < text.size();) {
        const size_t end = std::min(text.find('\0', start), text.size());
        parts.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

List<std::string> read_texts(const AddressSpace& space, Range range, const std::string& what) {
    List<std::string> list;
    if (range.end < range.start || range.end - range.start > max_text) {
        list.warning = what + " cannot be read: it has no address";
        return list;
    }
    const std::string text = read_text(space, range);
    list.entries = split(text);
    if (text.size() < range.end - range.start)
        list.warning = what + " is incomplete: its memory is not present";
    return list;
}

}  // namespace

std::optional<uint64_t> OsiLinux::memory_of(const KernelMemory& memory, uint64_t task) const {
    const auto mm = memory.pointer(at(task, info_.need(&KernelInfo::task_mm_offset)));
    return mm && (*mm == 0 || memory.is_kernel_address(*mm)) ? mm : std::nullopt;
}

AddressSpace OsiLinux::user_space(const Point& point, const KernelMemory& memory, uint64_t mm) const {
    const auto table = memory.pointer(at(mm, info_.need(&KernelInfo::mm_pgd_offset)));
    const auto root = table ? memory.space().translate(memory.wrap(*table)) : std::nullopt;
    // Without a page table of its own only the kernel can be seen, and so no text.
    return AddressSpace(*point.memory, root.value_or(memory.space().root()), memory.space().paging());
}

ProcessDetails OsiLinux::details(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    const Paths paths(memory, info_);
    ProcessDetails details;
    const auto credentials = memory.follow(handle.task, info_.task_real_cred_offset);
    const auto id = [&](const kernelinfo::Offset& offset) {
        return credentials && offset ? memory.u32(at(*credentials, *offset)) : std::nullopt;
    };
    details.uid = id(info_.cred_uid_offset);
    details.gid = id(info_.cred_gid_offset);
    details.euid = id(info_.cred_euid_offset);
    details.egid = id(info_.cred_egid_offset);
    // PANDA's own groups know only the clock that stands still while the machine sleeps.
    const auto& start = info_.panda_task_start_boottime_offset ? info_.panda_task_start_boottime_offset
                                                               : info_.task_start_time_offset;
    if (start)
        details.start_time = memory.u64(at(handle.task, *start));
    if (const auto file = memory.follow(memory_of(memory, handle.task), info_.panda_mm_exe_file_offset))
        details.executable = paths.of_file(*file);
    const auto fs = memory.follow(handle.task, info_.panda_task_fs_offset);
    const auto path_at = [&](const kernelinfo::Offset& offset) -> std::string {
        if (!fs || !offset)
            return {};
        const uint64_t path = at(*fs, *offset);
        const auto dentry = memory.follow(path, info_.panda_path_dentry_offset);
        const auto mount = memory.follow(path, info_.panda_path_mnt_offset);
        return dentry && mount ? paths.of(*dentry, *mount) : "";
    };
    details.working_directory = path_at(info_.panda_fs_pwd_offset);
    details.root = path_at(info_.panda_fs_root_offset);
    details.namespace_pids = namespace_pids(memory, handle.task);
    details.namespaces = namespaces_of(memory, info_, handle.task,
                                       memory.wrap(moved(info_.need(&KernelInfo::task_init_addr))));
    return details;
}

// Does what task_state() of fs/proc/array.c does for NSpid, seen from the system's own namespace: a struct pid has
// a number for each namespace from that one (level 0) to its own.
std::vector<int64_t> OsiLinux::namespace_pids(const KernelMemory& memory, uint64_t task) const {
    constexpr uint32_t max_level = 32;  // MAX_PID_NS_LEVEL
    if (!info_.panda_task_thread_pid_offset || !info_.panda_pid_level_offset ||
        !info_.panda_pid_numbers_offset || !info_.panda_upid_nr_offset)
        return {};
    const auto pid = memory.pointer(at(task, *info_.panda_task_thread_pid_offset));
    const auto level = pid && memory.is_kernel_address(*pid)
                           ? memory.u32(at(*pid, *info_.panda_pid_level_offset))
                           : std::nullopt;
    std::vector<int64_t> numbers;
    // struct upid is a number and a pointer to the namespace.
    const int64_t step = 2 * static_cast<int64_t>(pointer_size_);
    for (uint32_t i = 0; level && *level <= max_level && i <= *level; ++i) {
        const auto number =
            memory.u32(at(*pid, *info_.panda_pid_numbers_offset + i * step + *info_.panda_upid_nr_offset));
        if (!number)
            break;
        numbers.push_back(static_cast<int32_t>(*number));
    }
    return numbers;
}

std::optional<std::string> OsiLinux::interface_name(const Point& point, uint32_t number) const {
    const KernelMemory memory = kernel_memory(point);
    const auto proxy = memory.follow(current_task(point), info_.panda_task_nsproxy_offset);
    const auto net = memory.follow(proxy, info_.panda_nsproxy_net_ns_offset);
    if (!net || !info_.panda_net_dev_base_head_offset || !info_.panda_net_device_dev_list_offset ||
        !info_.panda_net_device_ifindex_offset || !info_.panda_net_device_name_offset)
        return std::nullopt;
    std::optional<std::string> name;
    walk_list(memory, at(*net, *info_.panda_net_dev_base_head_offset), [&](uint64_t node) {
        const uint64_t device =
            memory.wrap(node - static_cast<uint64_t>(*info_.panda_net_device_dev_list_offset));
        if (memory.u32(at(device, *info_.panda_net_device_ifindex_offset)) == number)
            name = memory.string(at(device, *info_.panda_net_device_name_offset), 15);
        return !name;
    });
    return name;
}

// Does what get_mm_cmdline() of fs/proc/base.c does.
List<std::string> OsiLinux::arguments(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    const auto mm = memory_of(memory, handle.task);
    if (!mm || *mm == 0)
        return {{}, mm ? "" : "the task cannot be read"};
    const auto address = [&](kernelinfo::Offset KernelInfo::* member) {
        return memory.pointer(at(*mm, info_.need(member))).value_or(0);
    };
    const Range range{address(&KernelInfo::mm_arg_start_offset),
                      address(&KernelInfo::panda_mm_arg_end_offset)};
    const AddressSpace space = user_space(point, memory, *mm);
    List<std::string> list = read_texts(space, range, "the argument list");
    // A program that has overwritten the last zero, as setproctitle() does, has one text, which goes on into
    // the environment.
    std::byte last{};
    if (range.start < range.end && list.warning.empty() && space.read(range.end - 1, std::span(&last, 1)) &&
        last != std::byte{0}) {
        const std::string title = read_text(space, {range.start, range.start + 4096});
        list.entries = {title.substr(0, title.find('\0'))};
    }
    return list;
}

List<std::string> OsiLinux::environment(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    const auto mm = memory_of(memory, handle.task);
    if (!mm || *mm == 0)
        return {{}, mm ? "" : "the task cannot be read"};
    const auto address = [&](kernelinfo::Offset KernelInfo::* member) {
        return memory.pointer(at(*mm, info_.need(member))).value_or(0);
    };
    const Range range{address(&KernelInfo::panda_mm_env_start_offset),
                      address(&KernelInfo::panda_mm_env_end_offset)};
    return read_texts(user_space(point, memory, *mm), range, "the environment");
}

}  // namespace panda::osi::linux_guest
