// Which of a kernelinfo.conf's groups a guest needs.
#pragma once

#include <string>

#include "kernelinfo/key_file.h"
#include "osi/linux/osi_linux.h"

namespace panda::osi::linux_guest {

// The provider for the kernel that runs at `point`, by the group of that name, or, with an empty name, by the
// group whose kernel is found in guest memory. Throws Error naming file, group and key, and the banner found
// in the guest.
OsiLinux open_kernel(const kernelinfo::KeyFile& file, const std::string& group, const Point& point);

// The provider for the kernel that runs at `point` with nothing prepared: by a group of `file` (may be null)
// whose kernel is found, else by what the kernel says of itself in guest memory. name: stands for the guest
// in errors. Throws Error.
OsiLinux open_unknown_kernel(const kernelinfo::KeyFile* file, const Point& point, const std::string& name);

}  // namespace panda::osi::linux_guest
