#include "analyzers/profile/profile.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace panda::profile {
namespace {

std::string group_of(const Owner& owner, GroupBy group_by) {
    const std::string name = owner.name.empty() ? "(unknown)" : owner.name;
    switch (group_by) {
        case GroupBy::all:
            return {};
        case GroupBy::process:
            return owner.name.empty() ? name : name + " (" + std::to_string(owner.pid) + ")";
        case GroupBy::thread:
            return owner.name.empty()
                       ? name
                       : name + " (" + std::to_string(owner.pid) + "/" + std::to_string(owner.tid) + ")";
    }
    return {};
}

}  // namespace

std::vector<PathCount> path_counts(const Profile& profile, GroupBy group_by) {
    std::map<std::pair<std::string, std::vector<std::string>>, uint64_t> sums;
    for (const auto& [key, instructions] : profile.counts) {
        std::vector<std::string> path;
        for (const uint32_t function : profile.paths.functions(key.second))
            path.push_back(profile.functions[function]);
        sums[{group_of(profile.owners[key.first], group_by), std::move(path)}] += instructions;
    }
    std::vector<PathCount> counts;
    for (const auto& [key, instructions] : sums)
        counts.push_back({key.first, key.second, instructions});
    return counts;
}

std::vector<FunctionCount> function_counts(const std::vector<PathCount>& paths) {
    std::map<std::pair<std::string, std::string>, FunctionCount> sums;
    const auto sum_of = [&](const std::string& group, const std::string& name) -> FunctionCount& {
        FunctionCount& sum = sums[{group, name}];
        sum.group = group;
        sum.name = name;
        return sum;
    };
    for (const PathCount& path : paths) {
        if (path.path.empty())
            continue;
        sum_of(path.group, path.path.back()).self += path.instructions;
        for (const std::string& name : std::set<std::string>(path.path.begin(), path.path.end()))
            sum_of(path.group, name).total += path.instructions;
    }
    std::vector<FunctionCount> counts;
    for (auto& [key, sum] : sums)
        counts.push_back(std::move(sum));
    std::stable_sort(counts.begin(), counts.end(), [](const FunctionCount& a, const FunctionCount& b) {
        return std::tuple(a.self, a.total) > std::tuple(b.self, b.total);
    });
    return counts;
}

}  // namespace panda::profile
