// The command line of panda-analyze-osi, as far as Boost.Program_options does not know how to read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace panda::analyze_osi {

// Rewrites the spellings of PANDA's osi_linux and vmi_linux (--kconf_file, --conf, --kconf_group, --group,
// --load_now), and gives --maps and --files, whose process id may be left out, the value "all" when what
// follows is none: "--maps TRACE".
std::vector<std::string> plain_arguments(std::vector<std::string> arguments);

// "all" gives nothing. Throws UsageError, naming the option, when the text is neither that nor a number.
std::optional<int64_t> parse_pid(const std::string& option, const std::string& text);

// "end" gives nothing. Throws UsageError when the text is neither that nor a number of instructions.
std::optional<uint64_t> parse_moment(const std::string& text);

}  // namespace panda::analyze_osi
