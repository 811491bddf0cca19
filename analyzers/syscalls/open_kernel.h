// Finds the kernel of a guest by --kconf and --kconf-group, or by its own memory.
#pragma once

#include <string>

#include "analyzers/syscalls/linux_guest.h"

namespace panda::syscalls {

// kconf, group: from the command line; may be empty. Reads the file now. name: the trace's, for errors.
// Throws FileError when the file cannot be read.
LinuxGuest::Open kernel_opener(const std::string& kconf, const std::string& group, const std::string& name);

}  // namespace panda::syscalls
