// panda-replay's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace panda::replay {

struct Options {
    std::string recording;
    std::string trace;             // empty = none; "-" = standard output
    std::string panda;             // analyzers that read the trace while it is made; empty = none
    std::string results;           // the directory for what they print; empty = standard output
    std::string serial;            // what the guest printed; empty = nowhere, "-" = standard output
    std::string columns = "full";  // of the trace: blocks, memory, full
    bool registers = false;        // and the registers at the start of every block
    std::optional<uint64_t> snapshot_interval;  // nothing: what the engine takes
    int level = 3;
    uint64_t from = 0;                // instr: where the trace starts
    std::optional<uint64_t> asid;     // CR3: only this address space
    bool user = false;                // only user mode
    bool kernel = false;              // only kernel mode
    std::optional<uint64_t> stop_at;  // instr
    // A part to be written as a recording of its own, in place of a trace; for panda-recording.
    std::string cut;  // empty = none
    uint64_t cut_from = 0;
    std::optional<uint64_t> cut_to;  // nothing: to the end
    std::string qemu;                // empty = the default
    bool force = false;
    bool quiet = false;
};

// Throws FileError for an output file that exists, unless it may be overwritten; a device or a pipe may be there.
void check_output(const std::string& file, bool force);

// Parses the command line. Returns nothing after it has answered --help or --version. Throws UsageError, and
// FileError for an output file that exists.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace panda::replay
