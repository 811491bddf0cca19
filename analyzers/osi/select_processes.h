// Which processes a report is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

// The process `pid`, or all, in ascending order of pid; a list that ended early adds to `warnings`. Throws
// Error when there is no process of that number.
std::vector<osi::Process> select_processes(const osi::Provider& provider, const osi::Point& point,
                                           std::optional<int64_t> pid, std::vector<std::string>& warnings);

// Adds "process 7: …" unless the warning is empty.
void add_warning(std::vector<std::string>& warnings, int64_t pid, const std::string& warning);

}  // namespace panda::analyze_osi
