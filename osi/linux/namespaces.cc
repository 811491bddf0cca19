#include "osi/linux/namespaces.h"

#include <optional>
#include <string_view>

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;
using kernelinfo::Offset;

// A namespace that a struct nsproxy points to.
struct Kind {
    const char* name;
    Offset KernelInfo::* place;   // of the pointer
    Offset KernelInfo::* number;  // in the namespace
};

constexpr Kind kinds[] = {
    {"cgroup", &KernelInfo::panda_nsproxy_cgroup_ns_offset, &KernelInfo::panda_cgroup_namespace_inum_offset},
    {"ipc", &KernelInfo::panda_nsproxy_ipc_ns_offset, &KernelInfo::panda_ipc_namespace_inum_offset},
    {"mnt", &KernelInfo::panda_nsproxy_mnt_ns_offset, &KernelInfo::panda_mnt_namespace_inum_offset},
    {"net", &KernelInfo::panda_nsproxy_net_ns_offset, &KernelInfo::panda_net_inum_offset},
    {"pid_for_children", &KernelInfo::panda_nsproxy_pid_ns_for_children_offset,
     &KernelInfo::panda_pid_namespace_inum_offset},
    {"time", &KernelInfo::panda_nsproxy_time_ns_offset, &KernelInfo::panda_time_namespace_inum_offset},
    {"time_for_children", &KernelInfo::panda_nsproxy_time_ns_for_children_offset,
     &KernelInfo::panda_time_namespace_inum_offset},
    {"uts", &KernelInfo::panda_nsproxy_uts_ns_offset, &KernelInfo::panda_uts_namespace_inum_offset},
};

class Reader {
  public:
    Reader(const KernelMemory& memory, const KernelInfo& info) : memory_(memory), info_(info) {}

    // By name, with the number; what a task has of its own.
    std::vector<Namespace> of(uint64_t task) const {
        std::vector<Namespace> list;
        // What has ended has these two until it is waited for, and no others.
        const uint64_t proxy = pointer(task, info_.panda_task_nsproxy_offset);
        for (const Kind& kind : kinds) {
            // The pid namespace of the process itself is that of its number.
            if (std::string_view(kind.name) == "pid_for_children")
                add(list, "pid", pid_namespace(task), info_.panda_pid_namespace_inum_offset);
            add(list, kind.name, pointer(proxy, info_.*kind.place), info_.*kind.number);
            if (std::string_view(kind.name) == "time_for_children")
                add(list, "user", user_namespace(task), info_.panda_user_namespace_inum_offset);
        }
        return list;
    }

  private:
    // 0 for what cannot be followed.
    uint64_t pointer(uint64_t base, const Offset& offset) const {
        return base != 0 ? memory_.follow(base, offset).value_or(0) : 0;
    }

    void add(std::vector<Namespace>& list, const char* name, uint64_t address, const Offset& number) const {
        const auto value = address != 0 && number ? memory_.u32(at(address, *number)) : std::nullopt;
        if (value)
            list.push_back({name, *value, true});
    }

    uint64_t user_namespace(uint64_t task) const {
        return pointer(pointer(task, info_.task_real_cred_offset), info_.panda_cred_user_ns_offset);
    }

    // Does what task_active_pid_ns() of kernel/pid.c does.
    uint64_t pid_namespace(uint64_t task) const {
        constexpr uint32_t max_level = 32;  // MAX_PID_NS_LEVEL
        const uint64_t pid = pointer(task, info_.panda_task_thread_pid_offset);
        if (pid == 0 || !info_.panda_pid_level_offset || !info_.panda_pid_numbers_offset)
            return 0;
        const auto level = memory_.u32(at(pid, *info_.panda_pid_level_offset));
        if (!level || *level > max_level)
            return 0;
        // struct upid is a number and a pointer to the namespace.
        const uint64_t step = 2 * uint64_t{memory_.pointer_size()};
        return pointer(at(pid, *info_.panda_pid_numbers_offset) + *level * step, info_.panda_upid_ns_offset);
    }

    const KernelMemory& memory_;
    const KernelInfo& info_;
};

}  // namespace

std::vector<Namespace> namespaces_of(const KernelMemory& memory, const KernelInfo& info, uint64_t task,
                                     uint64_t init) {
    const Reader reader(memory, info);
    std::vector<Namespace> list = reader.of(task);
    const std::vector<Namespace> first = reader.of(init);
    for (Namespace& one : list)
        for (const Namespace& other : first)
            if (one.name == other.name)
                one.initial = one.number == other.number;
    return list;
}

}  // namespace panda::osi::linux_guest
