// Writes the files that processes hold open, as text or as one JSON object per line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

struct ProcessFiles {
    int64_t pid = 0;
    std::vector<osi::OpenFile> files;
    std::optional<int64_t> tid = {};  // of a thread whose files are not those of the first one
};

struct FileReport {
    uint64_t instr = 0;  // the moment
    std::vector<ProcessFiles> processes;
    std::vector<std::string> warnings;
};

// The files of the process `pid`, or of all processes that have files open, by ascending pid. threads: also those
// of threads that have others than the first thread, which may have ended. Throws Error when there is no process
// with that number.
FileReport make_file_report(const osi::Provider& provider, const osi::Point& point,
                            std::optional<int64_t> pid, bool threads = false);

// Columns: PID FD POSITION NAME. A thread's own files have its number for PID.
void write_table(std::ostream& out, const FileReport& report);
// {"kind": "file", "instr", "pid", "fd", "position", "name", "file": "0x…"}, and "tid" for a thread's own
void write_json(std::ostream& out, const FileReport& report);

}  // namespace panda::analyze_osi
