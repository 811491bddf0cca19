// panda-record's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recorder/cli/copy_in.h"

namespace panda::record {

enum class Mode {
    command,       // run a command in the guest and record it
    boot,          // record from power-on to power-off
    user_machine,  // --vm
};

struct Options {
    Mode mode = Mode::command;
    std::string output;                // absolute; may be empty with --vm
    std::vector<std::string> command;  // what follows --
    uint64_t memory = 0;               // bytes
    std::string cpu;
    std::string qemu, guest, kernel, initrd, append, disk;  // empty = the default
    std::vector<CopyIn> copy_in;
    bool network = false;
    bool force = false;
    bool quiet = false;
};

// Parses the command line. Returns nothing after it has answered --help or --version. Throws UsageError, and
// FileError when the output file cannot be written.
std::optional<Options> parse_options(int argc, char** argv);

// The bytes of "512", "512M" or "2G"; a number alone is in MiB. Throws UsageError below 32 MiB, above 1 TiB,
// or for anything else.
uint64_t parse_memory(const std::string& text);

}  // namespace panda::record
