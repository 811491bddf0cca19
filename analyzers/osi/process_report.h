// How panda-analyze osi writes the processes that it found: as a table, or as one JSON object per line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

// What to ask for, beyond the list itself.
struct ProcessOptions {
    bool idle = false;  // also the idle task, pid 0, which no tool in the guest shows
    bool tree = false;  // children after their parents
    bool threads = false;
    bool details = false;
    bool arguments = false;
    bool environment = false;
};

struct ProcessEntry {
    osi::Process process;
    std::string branch;  // in a tree: the lines that lead to the name
    // Empty unless asked for.
    std::vector<osi::Thread> threads;
    osi::ProcessDetails details;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
};

struct ProcessReport {
    uint64_t instr = 0;    // the moment
    unsigned digits = 16;  // hexadecimal digits of an address
    ProcessOptions options;
    std::vector<ProcessEntry> entries;
    std::vector<std::string> warnings;
};

// What `options` ask for about one process.
ProcessEntry make_process_entry(const osi::Provider& provider, const osi::Point& point, osi::Process process,
                                const ProcessOptions& options, std::vector<std::string>& warnings);

// Asks `provider` for the processes at `point`, by ascending pid unless as a tree.
ProcessReport make_process_report(const osi::Provider& provider, const osi::Point& point,
                                  const ProcessOptions& options);

// Columns: PID PPID TGID ASID TASK NAME. Threads have rows of their own, with the tid in place of the pid.
// Details, arguments and environment are on lines below, which start with "details: ", "args: " and "env: ".
void write_table(std::ostream& out, const ProcessReport& report);

// Only these lines of one process.
void write_beneath(std::ostream& out, const ProcessEntry& entry, const ProcessOptions& options);

// {"kind": "process", "instr": …, "pid": …, "ppid": …, "tgid": …, "name": …, "title": …, "asid": "0x…",
// "task": "0x…"}, and what was asked for: "uid", "gid", "euid", "egid", "start_ns", "exe", "cwd", "root",
// "nspid": […], "ns": {"mnt": …, "pid": …, …} (each as far as known), "arguments": […], "environment": […],
// "threads": [{"tid": …, "name": …, "task": "0x…"}].
// Addresses are strings, because JSON's numbers are doubles to many readers.
void write_json(std::ostream& out, const ProcessReport& report);

}  // namespace panda::analyze_osi
