// How many instructions ran in which function, called from where, by whom.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/profile/path_tree.h"

namespace panda::profile {

// What instructions are counted for.
struct Owner {
    int64_t pid = 0;
    int64_t tid = 0;
    std::string name;  // of the thread; empty: not known

    auto operator<=>(const Owner&) const = default;
};

// What a pass has found.
struct Profile {
    PathTree paths;
    std::vector<std::string> functions;  // names, by number
    std::vector<Owner> owners;
    // Instructions, by owner and path.
    std::map<std::pair<uint32_t, uint32_t>, uint64_t> counts;
    uint64_t unnamed = 0;  // instructions of code that has no name
};

enum class GroupBy : uint8_t { all, process, thread };

// A path with the instructions of its innermost function alone.
struct PathCount {
    std::string group;              // "sh (12)"; empty for GroupBy::all
    std::vector<std::string> path;  // names, the outermost first
    uint64_t instructions = 0;
};
// All paths, by group and then by name, so that equal profiles give equal lists.
std::vector<PathCount> path_counts(const Profile& profile, GroupBy group_by);

// A function's part of a profile.
struct FunctionCount {
    std::string group;
    std::string name;
    uint64_t self = 0;   // instructions of its own
    uint64_t total = 0;  // and of what it called; once, however deep it called itself
};
// By descending self.
std::vector<FunctionCount> function_counts(const std::vector<PathCount>& paths);

}  // namespace panda::profile
