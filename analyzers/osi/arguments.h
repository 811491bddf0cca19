// The parts of panda-analyze-osi's command line that Boost.Program_options cannot read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace panda::analyze_osi {

// Rewrites the spellings of PANDA's osi_linux and vmi_linux (--kconf_file, --conf, --kconf_group, --group,
// --load_now). --maps and --files, whose process id may be left out, get the value "all" if what follows is
// not one: "--maps TRACE".
std::vector<std::string> plain_arguments(std::vector<std::string> arguments);

// The number in the text; nothing for "all". Throws a UsageError that names the option when the text is
// neither.
std::optional<int64_t> parse_pid(const std::string& option, const std::string& text);

}  // namespace panda::analyze_osi
