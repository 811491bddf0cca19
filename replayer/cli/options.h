// panda-replay's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace panda::replay {

struct Options {
    std::string recording;
    std::string trace;             // empty = none; "-" = standard output
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
    std::string qemu;                 // empty = the default
    bool force = false;
    bool quiet = false;
};

// Parses the command line. Returns nothing after it has answered --help or --version. Throws UsageError, and
// FileError for an output file that exists.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace panda::replay
