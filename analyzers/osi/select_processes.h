// Which processes a report is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "osi/provider.h"

namespace panda::analyze_osi {

// No process has the number that was asked for.
class NoSuchProcess : public Error {
  public:
    using Error::Error;
};

// The process `pid`, or all, in ascending order of pid; a list that ended early adds to `warnings`. Throws
// NoSuchProcess.
std::vector<osi::Process> select_processes(const osi::Provider& provider, const osi::Point& point,
                                           std::optional<int64_t> pid, std::vector<std::string>& warnings);

// Adds "process 7: …" unless the warning is empty.
void add_warning(std::vector<std::string>& warnings, int64_t pid, const std::string& warning);

}  // namespace panda::analyze_osi
