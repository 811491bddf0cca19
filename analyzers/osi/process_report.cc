#include "analyzers/osi/process_report.h"

#include <cinttypes>
#include <cstdio>
#include <ostream>

#include "analyzers/osi/process_line.h"
#include "analyzers/osi/process_tree.h"
#include "analyzers/osi/select_processes.h"
#include "analyzers/osi/text.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_osi {
namespace {

void write_row(std::ostream& out, unsigned digits, int64_t pid, int64_t ppid, int64_t tgid,
               const osi::ProcessHandle& handle, const std::string& name) {
    char row[160];
    std::snprintf(row, sizeof row, "%7" PRId64 " %7" PRId64 " %7" PRId64 "  %0*" PRIx64 "  %0*" PRIx64 "  ",
                  pid, ppid, tgid, 10, handle.asid, static_cast<int>(digits), handle.task);
    out << row << name << '\n';
}

void write_details(std::ostream& out, const osi::ProcessDetails& details) {
    out << "        details:";
    const auto write_id = [&](const char* name, const std::optional<uint32_t>& id) {
        if (id)
            out << ' ' << name << '=' << *id;
    };
    write_id("uid", details.uid);
    write_id("gid", details.gid);
    write_id("euid", details.euid);
    write_id("egid", details.egid);
    if (details.start_time) {
        char seconds[48];
        std::snprintf(seconds, sizeof seconds, " start=%" PRIu64 ".%09" PRIu64,
                      *details.start_time / 1'000'000'000, *details.start_time % 1'000'000'000);
        out << seconds;
    }
    if (details.namespace_pids.size() > 1) {
        out << " nspid=";
        for (size_t i = 0; i < details.namespace_pids.size(); ++i)
            out << (i == 0 ? "" : ",") << details.namespace_pids[i];
    }
    for (const osi::Namespace& one : details.namespaces)
        if (!one.initial)
            out << ' ' << one.name << ":[" << one.number << ']';
    if (!details.root.empty() && details.root != "/")
        out << " root=" << quoted(details.root);
    if (!details.working_directory.empty())
        out << " cwd=" << quoted(details.working_directory);
    if (!details.executable.empty())
        out << " exe=" << quoted(details.executable);
    out << '\n';
}

void add_details(Json& line, const osi::ProcessDetails& details) {
    const auto add = [&](const char* name, const auto& value) {
        if (value)
            line[name] = *value;
    };
    add("uid", details.uid);
    add("gid", details.gid);
    add("euid", details.euid);
    add("egid", details.egid);
    add("start_ns", details.start_time);
    if (!details.executable.empty())
        line["exe"] = details.executable;
    if (!details.working_directory.empty())
        line["cwd"] = details.working_directory;
    if (!details.root.empty())
        line["root"] = details.root;
    if (!details.namespace_pids.empty())
        line["nspid"] = details.namespace_pids;
    for (const osi::Namespace& one : details.namespaces)
        line["ns"][one.name] = one.number;
}

}  // namespace

ProcessEntry make_process_entry(const osi::Provider& provider, const osi::Point& point, osi::Process process,
                                const ProcessOptions& options, std::vector<std::string>& warnings) {
    ProcessEntry entry;
    entry.process = std::move(process);
    const osi::ProcessHandle& handle = entry.process.handle;
    const auto take = [&](auto list) {
        add_warning(warnings, entry.process.pid, list.warning);
        return std::move(list.entries);
    };
    if (options.threads)
        entry.threads = take(provider.threads(point, handle));
    if (options.details)
        entry.details = provider.details(point, handle);
    if (options.arguments)
        entry.arguments = take(provider.arguments(point, handle));
    if (options.environment)
        entry.environment = take(provider.environment(point, handle));
    return entry;
}

ProcessReport make_process_report(const osi::Provider& provider, const osi::Point& point,
                                  const ProcessOptions& options) {
    ProcessReport report;
    report.digits = point.cpu->long_mode() ? 16 : 8;
    report.options = options;
    auto processes = select_processes(provider, point, std::nullopt, report.warnings);
    if (!options.idle)
        std::erase_if(processes, [](const osi::Process& process) { return process.pid == 0; });
    std::vector<TreePlace> places;
    if (options.tree)
        places = make_tree(processes);
    for (size_t i = 0; i < processes.size(); ++i) {
        const size_t index = options.tree ? places[i].index : i;
        report.entries.push_back(
            make_process_entry(provider, point, std::move(processes[index]), options, report.warnings));
        if (options.tree)
            report.entries.back().branch = std::move(places[i].branch);
    }
    return report;
}

void write_beneath(std::ostream& out, const ProcessEntry& entry, const ProcessOptions& options) {
    if (options.details)
        write_details(out, entry.details);
    if (!entry.arguments.empty()) {
        out << "        args:";
        for (const std::string& argument : entry.arguments)
            out << ' ' << quoted(argument);
        out << '\n';
    }
    for (const std::string& variable : entry.environment)
        out << "        env: " << printable(variable) << '\n';
}

void write_table(std::ostream& out, const ProcessReport& report) {
    char heading[160];
    std::snprintf(heading, sizeof heading, "%7s %7s %7s  %-10s  %-*s  %s\n", "PID", "PPID", "TGID", "ASID",
                  static_cast<int>(report.digits), "TASK", "NAME");
    out << heading;
    for (const ProcessEntry& entry : report.entries) {
        const osi::Process& process = entry.process;
        write_row(out, report.digits, process.pid, process.ppid, process.pid, process.handle,
                  entry.branch + printable(process.title));
        for (const osi::Thread& thread : entry.threads)
            if (thread.task != process.handle.task)
                write_row(out, report.digits, thread.tid, process.ppid, thread.pid,
                          {thread.task, process.handle.asid}, printable(thread.name));
        write_beneath(out, entry, report.options);
    }
}

Json process_line(const char* kind, uint64_t instr, const ProcessEntry& entry,
                  const ProcessOptions& options) {
    const osi::Process& process = entry.process;
    Json line = {{"kind", kind},
                 {"instr", instr},
                 {"pid", process.pid},
                 {"ppid", process.ppid},
                 {"tgid", process.pid},
                 {"name", process.name},
                 {"title", process.title},
                 {"asid", hex(process.handle.asid)},
                 {"task", hex(process.handle.task)}};
    if (options.details)
        add_details(line, entry.details);
    if (options.arguments)
        line["arguments"] = entry.arguments;
    if (options.environment)
        line["environment"] = entry.environment;
    for (const osi::Thread& thread : entry.threads)
        line["threads"].push_back({{"tid", thread.tid}, {"name", thread.name}, {"task", hex(thread.task)}});
    return line;
}

void write_json(std::ostream& out, const ProcessReport& report) {
    for (const ProcessEntry& entry : report.entries)
        write_json_line(out, process_line("process", report.instr, entry, report.options));
}

}  // namespace panda::analyze_osi
