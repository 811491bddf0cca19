#include "osi/linux/select.h"

#include <algorithm>
#include <iterator>
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

OsiLinux open_named_kernel(const kernelinfo::KeyFile& named, const std::string& group, const Point& point,
                           const std::string& name, const kernelinfo::KeyFile* usual) {
    try {
        return open_kernel(named, group, point);
    } catch (const Error&) {
        if (!group.empty())
            throw;
        try {
            return open_unknown_kernel(usual, point, name);
        } catch (const Error&) {
            // Nothing knows it: what is wrong with the file that was named says more.
        }
        throw;
    }
}

OsiLinux completed(OsiLinux kernel, const Point& point, const std::string& name) {
    if (kernel.info().panda_sock_size)
        return kernel;
    constexpr std::string_view added[] = {"panda.sock",           "panda.tcp_sock",   "panda.udp_sock",
                                          "panda.unix_",          "panda.sk_buff",    "panda.netlink_sock",
                                          "panda.packet_type",    "panda.net_device", "panda.backing_file",
                                          "panda.file.",          "panda.pid.",       "panda.upid.",
                                          "panda.task.thread_pid"};
    kernelinfo::KernelInfo info = kernel.info();
    try {
        const kernelinfo::KernelInfo found = discover_kernel(point, name);
        for (const kernelinfo::Key& key : kernelinfo::keys()) {
            const auto* offset = std::get_if<kernelinfo::Offset kernelinfo::KernelInfo::*>(&key.field);
            const auto is_of_key = [&](std::string_view prefix) {
                return std::string_view(key.name).starts_with(prefix);
            };
            if (offset != nullptr && !(info.**offset) &&
                std::any_of(std::begin(added), std::end(added), is_of_key))
                info.** offset = found.**offset;
        }
        return {std::move(info), point};
    } catch (const Error&) {
        return kernel;  // it does not describe itself
    }
}

}  // namespace panda::osi::linux_guest
