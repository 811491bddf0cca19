// Introspection along a trace: at many moments, or when something happens.
#pragma once

#include <cstdint>
#include <set>

#include "analyzers/osi/event_report.h"
#include "analyzers/osi/reporter.h"
#include "osi/event_follower.h"
#include "trace/pass/pass.h"

namespace panda::analyze_osi {

// Which kernel a pass looks for.
struct PassSystem {
    osi::OpenProvider open;
    bool load_now = false;  // fail unless the kernel is there where the pass begins
};

// Reports at the first block at or after every multiple of `every` at which a kernel runs. options: the
// range; one thread goes through it. Returns why the trace ended before the range did; empty when it did not.
// Throws Error when no kernel runs at any of these moments, unless the trace ended early.
std::string report_every(trace::TraceReader& reader, const trace::PassOptions& options,
                         const PassSystem& system, uint64_t every, Reporter& reporter);

struct Followed {
    std::string warning;  // what could not be found out; empty when nothing went wrong
    std::string flaw;     // why the trace ended before the range did; empty when it did not
};

// Tells the listener of all events in the range, in order. Throws Error when no kernel runs there, unless the
// trace ended early.
Followed follow_events(trace::TraceReader& reader, const trace::PassOptions& options,
                       const PassSystem& system, osi::EventListener& listener);

}  // namespace panda::analyze_osi
