// Finds the default kernelinfo.conf.
#pragma once

#include <optional>
#include <string>

namespace panda::analyze_osi {

// Looks next to the build (in the directory above `directory`, which has the program), then where the install
// puts it. Returns nothing if it is in neither.
std::optional<std::string> find_kernelinfo(const std::string& directory);
// The same, but throws an Error that names both places.
std::string default_kernelinfo(const std::string& directory);

}  // namespace panda::analyze_osi
