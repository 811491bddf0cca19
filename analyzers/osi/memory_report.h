// The mappings of processes and the modules of the kernel, as text for people or one JSON object a line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

struct ProcessMappings {
    int64_t pid = 0;
    std::vector<osi::Mapping> mappings;
};

struct MappingReport {
    uint64_t instr = 0;  // the moment
    std::vector<ProcessMappings> processes;
    std::vector<std::string> warnings;
};

struct ModuleReport {
    uint64_t instr = 0;
    std::vector<osi::Module> modules;
    std::vector<std::string> warnings;
};

// Of the process `pid`, or of all that have memory of their own, in ascending order of pid. Throws Error when
// there is no process of that number.
MappingReport make_mapping_report(const osi::Provider& provider, const osi::Point& point,
                                  std::optional<int64_t> pid);
ModuleReport make_module_report(const osi::Provider& provider, const osi::Point& point);

// Lines as in /proc/PID/maps without device and inode, each after the pid.
void write_table(std::ostream& out, const MappingReport& report);
// {"kind": "mapping", "instr", "pid", "start", "end", "permissions", "offset", "name"}; addresses are text.
void write_json(std::ostream& out, const MappingReport& report);

// BASE SIZE NAME, in the kernel's order: the latest loaded first.
void write_table(std::ostream& out, const ModuleReport& report);
// {"kind": "module", "instr", "name", "base", "size"}
void write_json(std::ostream& out, const ModuleReport& report);

}  // namespace panda::analyze_osi
