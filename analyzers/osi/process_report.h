// How panda-analyze osi writes what it found: a table for people, or one JSON object a line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

// What to ask for, beyond the list itself.
struct ProcessOptions {
    bool idle = false;  // the idle task, pid 0, too, which no tool of the guest shows
    bool tree = false;  // children after their parents
    bool threads = false;
    bool details = false;
    bool arguments = false;
    bool environment = false;
};

struct ProcessEntry {
    osi::Process process;
    std::string branch;  // in a tree: what leads to the name
    // Empty unless asked for.
    std::vector<osi::Thread> threads;
    osi::ProcessDetails details;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
};

struct ProcessReport {
    uint64_t instr = 0;    // the moment
    unsigned digits = 16;  // hexadecimal, of an address
    ProcessOptions options;
    std::vector<ProcessEntry> entries;
    std::vector<std::string> warnings;
};

// What is asked of one process.
ProcessEntry make_process_entry(const osi::Provider& provider, const osi::Point& point, osi::Process process,
                                const ProcessOptions& options, std::vector<std::string>& warnings);

// Asks `provider` for the processes at `point`, in ascending order of pid unless as a tree.
ProcessReport make_process_report(const osi::Provider& provider, const osi::Point& point,
                                  const ProcessOptions& options);

// PID PPID TGID ASID TASK NAME; threads as rows of their own, with their tid for the pid. Details, arguments
// and environment are on lines of their own beneath, that begin with "details: ", "args: " and "env: ".
void write_table(std::ostream& out, const ProcessReport& report);

// Those lines of one process.
void write_beneath(std::ostream& out, const ProcessEntry& entry, const ProcessOptions& options);

// {"kind": "process", "instr": …, "pid": …, "ppid": …, "tgid": …, "name": …, "title": …, "asid": "0x…",
// "task": "0x…"}, and what was asked for: "uid", "gid", "euid", "egid", "start_ns", "exe", "cwd" (each as far
// as known), "arguments": […], "environment": […], "threads": [{"tid": …, "name": …, "task": "0x…"}].
// Addresses are text, for JSON's numbers are doubles to many readers.
void write_json(std::ostream& out, const ProcessReport& report);

}  // namespace panda::analyze_osi
