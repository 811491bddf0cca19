#include "osi/linux/select.h"

#include "common/error.h"

namespace panda::osi::linux_guest {

OsiLinux open_kernel(const kernelinfo::KeyFile& file, const std::string& group, const Point& point) {
    if (!group.empty())
        return OsiLinux(file.read(group), point);
    std::string broken;  // the first group that cannot be read: it may be the one
    for (const std::string& name : file.groups()) {
        try {
            kernelinfo::KernelInfo info = file.read(name);
            // Without a banner's address a group cannot be told from that of a similar kernel.
            if (!info.panda_linux_banner_addr)
                continue;
            if (const auto attachment = try_attach(point, info))
                return OsiLinux(std::move(info), *attachment);
        } catch (const Error& error) {
            if (broken.empty())
                broken = std::string("; passed over: ") + error.what();
        }
    }
    const std::string banner = find_banner(*point.memory);
    if (banner.empty())
        throw FileError(file.path(),
                        "no Linux banner is in guest memory, so no group can be chosen" + broken);
    throw FileError(file.path(), "no group is for the guest's kernel, which is: " + banner +
                                     " (panda-kernelinfo makes one; --kconf-group forces one)" + broken);
}

}  // namespace panda::osi::linux_guest
