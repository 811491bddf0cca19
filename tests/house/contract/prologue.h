// What each of the small analyzers here begins with.
#pragma once

#include <cstdint>
#include <span>

#include "trace/pass/pass.h"

using namespace panda::trace;

// Has run_pass() take an analyzer that is made without arguments.
template <typename Analyzer>
auto pass(TraceReader& reader) {
    return run_pass(reader, {}, [](const PassState&) { return Analyzer(); });
}
