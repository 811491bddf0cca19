// The machine that panda-record starts, and the one place that knows QEMU's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace panda::record {

// What of a machine its user chooses.
struct Machine {
    std::string qemu;
    uint64_t memory = 0;  // bytes, whole MiB
    std::string cpu;
    std::string kernel;
    std::string initrd;
    std::string append;  // the whole kernel command line
    std::string disk;    // empty = none; never written to
    bool network = false;
};

// What the engine is to do from the start.
struct Recording {
    std::string engine{};  // its file
    std::string file{};    // record into it from power-on; empty = wait for begin_record
    bool force = false;    // overwrite `file`
};

// Descriptors of QEMU's ends of the control channels.
struct Channels {
    int monitor = -1;  // QMP
    int output = -1;   // first serial port: a pipe to write to
    int control = -1;  // second serial port: the guest's agent
};

// "-panda" and its value.
std::vector<std::string> recording_arguments(const Recording& recording);

// The machine's own arguments, the same for making a snapshot and for restoring it.
std::vector<std::string> machine_arguments(const Machine& machine);

// The channels' arguments.
std::vector<std::string> channel_arguments(const Channels& channels);

// The command for `--vm`: QEMU with the engine and the user's arguments. Throws UsageError, in one sentence,
// for arguments that cannot be recorded: more than one processor, KVM, the icount clock.
std::vector<std::string> user_machine_command(const std::string& qemu, const Recording& recording,
                                              const std::vector<std::string>& arguments);

}  // namespace panda::record
