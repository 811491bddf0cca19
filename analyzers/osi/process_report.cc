#include "analyzers/osi/process_report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

#include "analyzers/osi/text.h"

namespace panda::analyze_osi {
namespace {

void write_row(std::ostream& out, unsigned digits, int64_t pid, int64_t ppid, int64_t tgid,
               const osi::ProcessHandle& handle, const std::string& name) {
    char row[160];
    std::snprintf(row, sizeof row, "%7" PRId64 " %7" PRId64 " %7" PRId64 "  %0*" PRIx64 "  %0*" PRIx64 "  ",
                  pid, ppid, tgid, 10, handle.asid, static_cast<int>(digits), handle.task);
    out << row << name << '\n';
}

}  // namespace

ProcessReport make_process_report(const osi::Provider& provider, const osi::Point& point, bool include_idle,
                                  bool with_threads) {
    ProcessReport report;
    report.digits = point.cpu->long_mode() ? 16 : 8;
    auto list = provider.processes(point);
    if (!list.warning.empty())
        report.warnings.push_back(std::move(list.warning));
    std::stable_sort(list.entries.begin(), list.entries.end(),
                     [](const auto& a, const auto& b) { return a.pid < b.pid; });
    for (osi::Process& process : list.entries) {
        if (process.pid == 0 && !include_idle)
            continue;
        ProcessEntry entry{std::move(process), {}};
        if (with_threads) {
            auto threads = provider.threads(point, entry.process.handle);
            if (!threads.warning.empty())
                report.warnings.push_back("process " + std::to_string(entry.process.pid) + ": " +
                                          threads.warning);
            entry.threads = std::move(threads.entries);
        }
        report.entries.push_back(std::move(entry));
    }
    return report;
}

void write_table(std::ostream& out, const ProcessReport& report) {
    char heading[160];
    std::snprintf(heading, sizeof heading, "%7s %7s %7s  %-10s  %-*s  %s\n", "PID", "PPID", "TGID", "ASID",
                  static_cast<int>(report.digits), "TASK", "NAME");
    out << heading;
    for (const ProcessEntry& entry : report.entries) {
        const osi::Process& process = entry.process;
        write_row(out, report.digits, process.pid, process.ppid, process.pid, process.handle, process.title);
        for (const osi::Thread& thread : entry.threads)
            if (thread.task != process.handle.task)
                write_row(out, report.digits, thread.tid, process.ppid, thread.pid,
                          {thread.task, process.handle.asid}, thread.name);
    }
}

void write_json(std::ostream& out, const ProcessReport& report) {
    for (const auto& [process, threads] : report.entries) {
        nlohmann::ordered_json line = {{"kind", "process"},
                                       {"instr", report.instr},
                                       {"pid", process.pid},
                                       {"ppid", process.ppid},
                                       {"tgid", process.pid},
                                       {"name", process.name},
                                       {"title", process.title},
                                       {"asid", hexadecimal(process.handle.asid)},
                                       {"task", hexadecimal(process.handle.task)}};
        for (const osi::Thread& thread : threads)
            line["threads"].push_back(
                {{"tid", thread.tid}, {"name", thread.name}, {"task", hexadecimal(thread.task)}});
        out << line.dump() << '\n';
    }
}

}  // namespace panda::analyze_osi
