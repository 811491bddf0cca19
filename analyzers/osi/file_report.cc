#include "analyzers/osi/file_report.h"

#include <cinttypes>
#include <cstdio>
#include <ostream>

#include "analyzers/osi/select_processes.h"
#include "analyzers/osi/text.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_osi {

namespace {

// The files of threads whose tables are not that of the first one.
void add_threads(FileReport& report, const osi::Provider& provider, const osi::Point& point,
                 const osi::Process& process, const std::vector<osi::OpenFile>& of_first) {
    for (const osi::Thread& thread : provider.threads(point, process.handle).entries) {
        if (thread.task == process.handle.task)
            continue;
        auto files = provider.files(point, {thread.task, process.handle.asid});
        if (files.entries != of_first)
            report.processes.push_back({process.pid, std::move(files.entries), thread.tid});
    }
}

}  // namespace

FileReport make_file_report(const osi::Provider& provider, const osi::Point& point,
                            std::optional<int64_t> pid, bool threads) {
    FileReport report;
    for (const osi::Process& process : select_processes(provider, point, pid, report.warnings)) {
        auto files = provider.files(point, process.handle);
        add_warning(report.warnings, process.pid, files.warning);
        if (!files.entries.empty())
            report.processes.push_back({process.pid, files.entries});
        if (threads)
            add_threads(report, provider, point, process, files.entries);
    }
    return report;
}

void write_table(std::ostream& out, const FileReport& report) {
    out << "    PID    FD     POSITION  NAME\n";
    for (const auto& [pid, files, tid] : report.processes) {
        for (const osi::OpenFile& file : files) {
            char row[80];
            std::snprintf(row, sizeof row, "%7" PRId64 " %5" PRId64 " %12" PRIu64 "  ", tid.value_or(pid),
                          file.fd, file.position);
            out << row << printable(file.name) << '\n';
        }
    }
}

void write_json(std::ostream& out, const FileReport& report) {
    for (const auto& [pid, files, tid] : report.processes)
        for (const osi::OpenFile& file : files) {
            Json line = {{"kind", "file"},
                         {"instr", report.instr},
                         {"pid", pid},
                         {"fd", file.fd},
                         {"position", file.position},
                         {"name", file.name},
                         {"file", hex(file.descriptor)}};
            if (tid)
                line["tid"] = *tid;
            write_json_line(out, line);
        }
}

}  // namespace panda::analyze_osi
