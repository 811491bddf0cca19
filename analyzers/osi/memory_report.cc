#include "analyzers/osi/memory_report.h"

#include <cinttypes>
#include <cstdio>
#include <ostream>

#include "analyzers/osi/select_processes.h"
#include "analyzers/osi/text.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_osi {

MappingReport make_mapping_report(const osi::Provider& provider, const osi::Point& point,
                                  std::optional<int64_t> pid) {
    MappingReport report;
    for (const osi::Process& process : select_processes(provider, point, pid, report.warnings)) {
        auto mappings = provider.mappings(point, process.handle);
        add_warning(report.warnings, process.pid, mappings.warning);
        if (!mappings.entries.empty())
            report.processes.push_back({process.pid, std::move(mappings.entries)});
    }
    return report;
}

ModuleReport make_module_report(const osi::Provider& provider, const osi::Point& point) {
    auto list = provider.modules(point);
    ModuleReport report;
    report.modules = std::move(list.entries);
    if (!list.warning.empty())
        report.warnings.push_back(std::move(list.warning));
    return report;
}

void write_table(std::ostream& out, const MappingReport& report) {
    for (const auto& [pid, mappings] : report.processes) {
        for (const osi::Mapping& mapping : mappings) {
            char row[120];
            std::snprintf(row, sizeof row, "%7" PRId64 " %08" PRIx64 "-%08" PRIx64 " %s %08" PRIx64, pid,
                          mapping.start, mapping.end, mapping.permissions.c_str(), mapping.offset);
            out << row << (mapping.name.empty() ? "" : " ") << printable(mapping.name) << '\n';
        }
    }
}

void write_json(std::ostream& out, const MappingReport& report) {
    for (const auto& [pid, mappings] : report.processes)
        for (const osi::Mapping& mapping : mappings)
            write_json_line(out, {{"kind", "mapping"},
                                  {"instr", report.instr},
                                  {"pid", pid},
                                  {"start", hex(mapping.start)},
                                  {"end", hex(mapping.end)},
                                  {"permissions", mapping.permissions},
                                  {"offset", hex(mapping.offset)},
                                  {"name", mapping.name}});
}

void write_table(std::ostream& out, const ModuleReport& report) {
    for (const osi::Module& module : report.modules) {
        char row[80];
        std::snprintf(row, sizeof row, "%s %10" PRIu64 "  ", hex(module.base, 8).c_str(), module.size);
        out << row << module.name << '\n';
    }
}

void write_json(std::ostream& out, const ModuleReport& report) {
    for (const osi::Module& module : report.modules)
        write_json_line(out, {{"kind", "module"},
                              {"instr", report.instr},
                              {"name", module.name},
                              {"base", hex(module.base)},
                              {"size", module.size}});
}

}  // namespace panda::analyze_osi
