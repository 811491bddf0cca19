#include "analyzers/osi/select_processes.h"

#include <algorithm>

#include "common/error.h"

namespace panda::analyze_osi {

std::vector<osi::Process> select_processes(const osi::Provider& provider, const osi::Point& point,
                                           std::optional<int64_t> pid, std::vector<std::string>& warnings) {
    auto list = provider.processes(point);
    if (!list.warning.empty())
        warnings.push_back(std::move(list.warning));
    std::vector<osi::Process> processes = std::move(list.entries);
    if (pid)
        std::erase_if(processes, [&](const osi::Process& process) { return process.pid != *pid; });
    if (pid && processes.empty())
        throw NoSuchProcess("no process has the number " + std::to_string(*pid));
    std::stable_sort(processes.begin(), processes.end(),
                     [](const auto& a, const auto& b) { return a.pid < b.pid; });
    return processes;
}

void add_warning(std::vector<std::string>& warnings, int64_t pid, const std::string& warning) {
    if (!warning.empty())
        warnings.push_back("process " + std::to_string(pid) + ": " + warning);
}

}  // namespace panda::analyze_osi
