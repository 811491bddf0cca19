// Writes JSON lines. Include it only in .cc files, because the library's header is large.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

#include "analyzers/osi/process_report.h"

namespace panda::analyze_osi {

// Writes the object on one line. A guest's texts may be any bytes; what is not UTF-8 becomes U+FFFD, because
// JSON cannot hold it.
inline void write_line(std::ostream& out, const nlohmann::ordered_json& object) {
    out << object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

// A process as write_json() of process_report.h writes it, but with this "kind".
nlohmann::ordered_json process_line(const char* kind, uint64_t instr, const ProcessEntry& entry,
                                    const ProcessOptions& options);

}  // namespace panda::analyze_osi
