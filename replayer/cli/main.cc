// panda-replay: see docs/man/panda-replay.1.
#include <cstdio>

#include "common/command_line.h"
#include "recorder/cli/process.h"
#include "replayer/cli/options.h"
#include "replayer/cli/replay.h"

namespace {

using namespace panda;

int run(int argc, char** argv) {
    const std::optional<replay::Options> options = replay::parse_options(argc, argv);
    if (!options)
        return exit_ok;
    try {
        return replay::replay_recording(*options);
    } catch (const launch::Interrupted& signal) {
        std::fprintf(stderr, "panda-replay: %s\n", signal.what());
        return 128 + signal.signal();
    }
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("panda-replay", [&] { return run(argc, argv); });
}
