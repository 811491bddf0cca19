// Chooses the group of a kernelinfo.conf that a guest needs.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "kernelinfo/key_file.h"
#include "osi/linux/osi_linux.h"

namespace panda::osi::linux_guest {

// The provider for the kernel that runs at `point`, by the group of that name or, if the name is empty, by
// the group whose kernel is found in guest memory. Throws an Error that names file, group and key, and the
// banner found in the guest.
OsiLinux open_kernel(const kernelinfo::KeyFile& file, const std::string& group, const Point& point);

// The provider for the kernel that runs at `point` when nothing was prepared: by the group of `file` (may be
// null) whose kernel is found, or otherwise by what the kernel in guest memory says about itself. name:
// stands for the guest in errors. Throws Error.
OsiLinux open_unknown_kernel(const kernelinfo::KeyFile* file, const Point& point, const std::string& name);

// The same when a file was named: by the group of that name, or if the name is empty by the group of `named` whose
// kernel is found, and otherwise as open_unknown_kernel with `usual`, because a file that was made some time ago
// need not know the kernel that a distribution has today. Throws the Error of open_kernel if nothing knows the
// kernel.
OsiLinux open_named_kernel(const kernelinfo::KeyFile& named, const std::string& group, const Point& point,
                           const std::string& name, const kernelinfo::KeyFile* usual = nullptr);

// Completes groups. One that was made for other programs, or by an earlier version of this project, lacks keys: those
// of signals, times, sockets, namespaces, stacked file systems and modules' symbols. The kernel itself has them, unless
// it lacks BTF; then they stay empty.
class GroupCompleter {
  public:
    // name: stands for the guest in errors.
    explicit GroupCompleter(std::string name) : name_(std::move(name)) {}

    // The same kernel with a group that has all keys that can be known. Takes about 0.2 s for the first of each kernel
    // whose group lacks keys. Several threads may call it.
    OsiLinux operator()(OsiLinux kernel, const Point& point);

  private:
    // The group of the kernel that runs at `point`, by the kernel itself; nothing if it does not describe itself.
    const std::optional<kernelinfo::KernelInfo>& described(const std::string& kernel, const Point& point);

    const std::string name_;
    std::mutex mutex_;
    std::map<std::string, std::optional<kernelinfo::KernelInfo>> described_;  // by KernelInfo::name
};

}  // namespace panda::osi::linux_guest
