// What panda-record does, one function a mode.
#pragma once

#include "recorder/cli/options.h"

namespace panda::record {

// Runs the command in the guest and records exactly that. Returns the command's exit status.
int record_command(const Options& options);

// Records from power-on to power-off.
int record_boot(const Options& options);

// Becomes QEMU with the user's arguments; returns only by throwing Error.
int run_user_machine(const Options& options);

}  // namespace panda::record
