// What panda-record does: one function for each mode. They throw Error when the recording fails.
#pragma once

#include "recorder/cli/options.h"

namespace panda::record {

// Runs the command in the guest and records exactly its run. Returns the command's exit status, or 128 + N
// after signal N.
int record_command(const Options& options);

// Records from power-on to power-off. Returns the exit status: 0, or 128 + N after signal N.
int record_boot(const Options& options);

// Becomes QEMU with the user's arguments. Does not return, but throws Error when QEMU cannot be run.
int run_user_machine(const Options& options);

}  // namespace panda::record
