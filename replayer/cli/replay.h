// Runs the patched QEMU with the replay engine, and shows how far the replay is.
#pragma once

#include "replayer/cli/options.h"

namespace panda::replay {

// Replays, and writes what the options ask for. Returns the exit status of the analyzers of --panda, or 0. Throws Error when
// the replay fails, and launch::Interrupted when it is stopped by a signal.
int replay_recording(Options options);

}  // namespace panda::replay
