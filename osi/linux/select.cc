#include "osi/linux/select.h"

#include <optional>
#include <string_view>

#include "common/error.h"
#include "kernelinfo/keys.h"
#include "osi/linux/discover.h"

namespace panda::osi::linux_guest {

namespace {

// The provider by the group of `file` whose kernel runs at `point`; nothing if there is none. broken: gets
// what is wrong with the first group that cannot be read, because it may be the right one.
std::optional<OsiLinux> try_groups(const kernelinfo::KeyFile& file, const Point& point, std::string& broken) {
    for (const std::string& name : file.groups()) {
        try {
            kernelinfo::KernelInfo info = file.read(name);
            // Without the banner's address, the groups of two similar kernels cannot be told apart.
            if (!info.panda_linux_banner_addr)
                continue;
            if (const auto attachment = try_attach(point, info))
                return OsiLinux(std::move(info), *attachment);
        } catch (const Error& error) {
            if (broken.empty())
                broken = std::string("; skipped: ") + error.what();
        }
    }
    return std::nullopt;
}

}  // namespace

OsiLinux open_kernel(const kernelinfo::KeyFile& file, const std::string& group, const Point& point) {
    if (!group.empty())
        return OsiLinux(file.read(group), point);
    std::string broken;
    if (auto provider = try_groups(file, point, broken))
        return std::move(*provider);
    const std::string banner = find_banner(*point.memory);
    if (banner.empty())
        throw FileError(file.path(),
                        "no Linux banner is in guest memory, so no group can be chosen" + broken);
    throw FileError(file.path(), "no group is for the guest's kernel, which is: " + banner +
                                     " (panda-kernelinfo makes one; --kconf-group forces one)" + broken);
}

OsiLinux open_unknown_kernel(const kernelinfo::KeyFile* file, const Point& point, const std::string& name) {
    std::string broken;
    if (file != nullptr)
        if (auto provider = try_groups(*file, point, broken))
            return std::move(*provider);
    return OsiLinux(discover_kernel(point, name), point);
}

namespace {

std::optional<OsiLinux> try_unknown_kernel(const kernelinfo::KeyFile* file, const Point& point,
                                           const std::string& name) {
    try {
        return open_unknown_kernel(file, point, name);
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace

OsiLinux open_named_kernel(const kernelinfo::KeyFile& named, const std::string& group, const Point& point,
                           const std::string& name, const kernelinfo::KeyFile* usual) {
    try {
        return open_kernel(named, group, point);
    } catch (const Error&) {
        if (group.empty())
            if (auto kernel = try_unknown_kernel(usual, point, name))
                return std::move(*kernel);
        throw;  // nothing knows it: what is wrong with the file that was named says more
    }
}

const std::optional<kernelinfo::KernelInfo>& GroupCompleter::described(const std::string& kernel,
                                                                       const Point& point) {
    const std::lock_guard lock(mutex_);
    const auto [place, is_new] = described_.try_emplace(kernel);
    if (is_new) {
        try {
            place->second = discover_kernel(point, name_);
        } catch (const Error&) {
            // Nor will it at another moment: its image has no BTF.
        }
    }
    return place->second;
}

OsiLinux GroupCompleter::operator()(OsiLinux kernel, const Point& point) {
    // The latest keys of each subject: signals, times, sockets, namespaces, symbols of modules.
    const kernelinfo::KernelInfo& known = kernel.info();
    if (known.panda_do_exit_addr && known.panda_tk_core_addr && known.panda_sock_size &&
        known.panda_task_nsproxy_offset && known.panda_module_kallsyms_offset)
        return kernel;
    const std::optional<kernelinfo::KernelInfo>& found = described(known.name, point);
    if (!found)
        return kernel;
    kernelinfo::KernelInfo info = known;
    for (const kernelinfo::Key& key : kernelinfo::keys()) {
        if (!std::string_view(key.name).starts_with("panda."))
            continue;
        if (const auto* offset = std::get_if<kernelinfo::Offset kernelinfo::KernelInfo::*>(&key.field)) {
            if (!(info.**offset))
                info.** offset = (*found).**offset;
        } else if (const auto* address =
                       std::get_if<kernelinfo::Address kernelinfo::KernelInfo::*>(&key.field)) {
            if (!(info.**address))
                info.** address = (*found).**address;  // at link time, as in a group
        }
    }
    return {std::move(info), point};
}

}  // namespace panda::osi::linux_guest
