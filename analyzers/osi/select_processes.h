// Selects the processes that a report is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "osi/provider.h"

namespace panda::analyze_osi {

// Thrown when no process has the number that was asked for.
class NoSuchProcess : public Error {
  public:
    using Error::Error;
};

// The process `pid`, or all of them, by ascending pid. Adds to `warnings` if the list ended early. Throws
// NoSuchProcess.
std::vector<osi::Process> select_processes(const osi::Provider& provider, const osi::Point& point,
                                           std::optional<int64_t> pid, std::vector<std::string>& warnings);

// Adds the warning as "process 7: …", unless it is empty.
void add_warning(std::vector<std::string>& warnings, int64_t pid, const std::string& warning);

}  // namespace panda::analyze_osi
