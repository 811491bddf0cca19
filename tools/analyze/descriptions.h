// What analyzers say about themselves: `panda-analyze-NAME --describe` prints one line and ends with status
// 0.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tools/analyze/programs.h"

namespace panda::analyze {

// Asks all programs at once; the answers are in the programs' order. Anybody's program may have such a name,
// so one that cannot be started, fails, says more than one line of at most 200 printable characters, or has
// not ended when `limit` is over gives an empty text. Each runs without input, without a terminal, and is
// killed, with whatever it started in its session, before this returns.
std::vector<std::string> describe(const std::vector<Program>& programs, std::chrono::milliseconds limit);

}  // namespace panda::analyze
