#include "tools/analyze/other_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace panda::analyze {
namespace {

// docs/manual.md says the same in its tables.
constexpr std::array<std::pair<const char*, const char*>, 14> others = {{
    {"bir", "panda-trace diff, which aligns two traces"},
    {"cosi", "panda-analyze osi"},
    {"cosi_strace", "panda-analyze syscalls"},
    {"dynamic_symbols", "panda-analyze symbol"},
    {"fdtracker", "panda-analyze files"},
    {"filereadmon", "panda-analyze syscalls -e read"},
    {"lsmll", "panda-analyze memory --last-write, for the store behind a load"},
    {"memsavep", "panda-analyze memdump --at"},
    {"memsnap", "panda-analyze memdump --at, with the moment from panda-analyze fullstack"},
    {"osi_linux", "panda-analyze osi"},
    {"osi_test", "panda-analyze osi"},
    {"pmemaccess", "panda-analyze memdump --format elf or lime"},
    {"scissors", "panda-recording cut"},
    {"tralign", "panda-trace diff"},
}};

}  // namespace

std::string other_name(const std::string& plugin) {
    const auto found = std::ranges::find_if(others, [&](const auto& other) { return plugin == other.first; });
    return found == others.end() ? std::string() : std::string(found->second);
}

}  // namespace panda::analyze
