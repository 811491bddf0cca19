// Writes the mappings of processes and the modules of the kernel, as text or as one JSON object per line.
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

// The mappings of the process `pid`, or of all processes that have memory of their own, by ascending pid.
// Throws Error when there is no process with that number.
MappingReport make_mapping_report(const osi::Provider& provider, const osi::Point& point,
                                  std::optional<int64_t> pid);
ModuleReport make_module_report(const osi::Provider& provider, const osi::Point& point);

// The pid, and then a line as in /proc/PID/maps, without device and inode.
void write_table(std::ostream& out, const MappingReport& report);
// {"kind": "mapping", "instr", "pid", "start", "end", "permissions", "offset", "name"}; addresses are
// strings.
void write_json(std::ostream& out, const MappingReport& report);

// Columns: BASE SIZE NAME, in the kernel's order: the module that was loaded last comes first.
void write_table(std::ostream& out, const ModuleReport& report);
// {"kind": "module", "instr", "name", "base", "size"}
void write_json(std::ostream& out, const ModuleReport& report);

}  // namespace panda::analyze_osi
