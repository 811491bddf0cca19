// A process as a line of JSON.
#pragma once

#include <cstdint>

#include "analyzers/osi/process_report.h"
#include "common/json.h"

namespace panda::analyze_osi {

// The members of write_json() in process_report.h, with another "kind".
Json process_line(const char* kind, uint64_t instr, const ProcessEntry& entry, const ProcessOptions& options);

}  // namespace panda::analyze_osi
