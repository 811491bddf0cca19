// The command line of the QEMU that replays. No other place knows it.
#pragma once

#include <string>
#include <vector>

#include "recorder/format/recording.h"
#include "replayer/cli/options.h"

namespace panda::replay {

// Descriptors that QEMU inherits; -1 = none.
struct Channels {
    int status = -1;  // the engine's progress: status.h
    int serial = -1;  // what the guest prints
};

// qemu, engine: their files. facts: the recording's. Throws Error when the facts do not describe a machine
// that can be replayed.
std::vector<std::string> engine_command(const std::string& qemu, const std::string& engine,
                                        const recording::Facts& facts, const Options& options,
                                        const Channels& channels);

}  // namespace panda::replay
