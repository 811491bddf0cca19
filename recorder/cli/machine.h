// The machine that panda-record starts, and the one place that knows QEMU's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace panda::record {

// The parts of a machine that the user chooses.
struct Machine {
    std::string qemu;
    uint64_t memory = 0;  // bytes, whole MiB
    std::string cpu;
    std::string kernel;
    std::string initrd;
    std::string append;  // the whole kernel command line
    std::string disk;    // an image that is never written to; empty = none
    bool network = false;
};

// What the engine is to do from the start.
struct Recording {
    std::string engine{};  // the engine's file
    std::string file{};    // record into it from power-on; empty = wait for begin_record
    bool force = false;    // overwrite `file`
};

// QEMU's ends of the control channels, as file descriptors.
struct Channels {
    int monitor = -1;  // QMP
    int output = -1;   // first serial port: a pipe to write to
    int control = -1;  // second serial port: the guest's agent
};

// "-panda" and its value.
std::vector<std::string> recording_arguments(const Recording& recording);

// The machine's own arguments, which are the same for making a snapshot and for restoring it.
std::vector<std::string> machine_arguments(const Machine& machine);

// The channels' arguments.
std::vector<std::string> channel_arguments(const Channels& channels);

// The command for `--vm`: QEMU with the engine and the user's arguments. Throws UsageError for a machine that
// cannot be recorded: with more than one processor, KVM, or the icount clock.
std::vector<std::string> user_machine_command(const std::string& qemu, const Recording& recording,
                                              const std::vector<std::string>& arguments);

}  // namespace panda::record
