// How panda-analyze osi writes what it found: a table for people, or one JSON object a line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

struct ProcessEntry {
    osi::Process process;
    std::vector<osi::Thread> threads;  // empty unless asked for
};

struct ProcessReport {
    uint64_t instr = 0;    // the moment
    unsigned digits = 16;  // hexadecimal, of an address
    std::vector<ProcessEntry> entries;
    std::vector<std::string> warnings;
};

// Asks `provider` for the processes at `point`, in ascending order of pid. The idle task, pid 0, which no
// tool of the guest shows, only when include_idle.
ProcessReport make_process_report(const osi::Provider& provider, const osi::Point& point, bool include_idle,
                                  bool with_threads);

// PID PPID TGID ASID TASK NAME; threads as rows of their own, with their tid for the pid.
void write_table(std::ostream& out, const ProcessReport& report);

// {"kind": "process", "instr": …, "pid": …, "ppid": …, "tgid": …, "name": …, "title": …, "asid": "0x…",
// "task": "0x…"}, and "threads" when they were asked for: [{"tid": …, "name": …, "task": "0x…"}]. Addresses
// are text, for JSON's numbers are doubles to many readers.
void write_json(std::ostream& out, const ProcessReport& report);

}  // namespace panda::analyze_osi
