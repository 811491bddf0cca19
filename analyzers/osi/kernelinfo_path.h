// Where kernelinfo.conf is when nobody says.
#pragma once

#include <string>

namespace panda::analyze_osi {

// Next to the build (the directory above `directory`, in which the program lies), then where the install puts
// it. Throws Error naming both when it is in neither.
std::string default_kernelinfo(const std::string& directory);

}  // namespace panda::analyze_osi
