// Chooses the group of a kernelinfo.conf that a guest needs.
#pragma once

#include <string>

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

}  // namespace panda::osi::linux_guest
