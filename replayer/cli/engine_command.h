// The command line of the QEMU that replays: the one place that knows it.
#pragma once

#include <string>
#include <vector>

#include "recorder/format/recording.h"
#include "replayer/cli/options.h"

namespace panda::replay {

// Descriptors that QEMU inherits, or -1.
struct Channels {
    int status = -1;  // the engine's progress: status.h
    int serial = -1;  // what the guest prints
};

// qemu, engine: their files. facts: the recording's. Throws Error when they describe no machine that can be
// replayed.
std::vector<std::string> engine_command(const std::string& qemu, const std::string& engine,
                                        const recording::Facts& facts, const Options& options,
                                        const Channels& channels);

}  // namespace panda::replay
