// Where kernelinfo.conf is when nobody says.
#pragma once

#include <optional>
#include <string>

namespace panda::analyze_osi {

// Next to the build (the directory above `directory`, in which the program lies), then where the install puts
// it. Nothing when it is in neither.
std::optional<std::string> find_kernelinfo(const std::string& directory);
// The same, but throws Error naming both places.
std::string default_kernelinfo(const std::string& directory);

}  // namespace panda::analyze_osi
