// The files that processes hold open, as text for people or one JSON object a line.
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
};

struct FileReport {
    uint64_t instr = 0;  // the moment
    std::vector<ProcessFiles> processes;
    std::vector<std::string> warnings;
};

// Of the process `pid`, or of all that have files open, in ascending order of pid. Throws Error when there is
// no process of that number.
FileReport make_file_report(const osi::Provider& provider, const osi::Point& point,
                            std::optional<int64_t> pid);

// PID FD POSITION NAME
void write_table(std::ostream& out, const FileReport& report);
// {"kind": "file", "instr", "pid", "fd", "position", "name", "file": "0x…"}
void write_json(std::ostream& out, const FileReport& report);

}  // namespace panda::analyze_osi
