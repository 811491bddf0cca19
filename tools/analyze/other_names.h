// PANDA's plugins that are not analyzers here, and what gives their answers.
#pragma once

#include <string>

namespace panda::analyze {

// What to use instead of PANDA's plugin of this name, as the end of a sentence; empty if there is no such plugin, or an
// analyzer has its name.
std::string other_name(const std::string& plugin);

}  // namespace panda::analyze
