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

}  // namespace panda::osi::linux_guest
