// Runs lifted blocks again along a trace and compares: each block of the trace from the registers that the trace tells
// at its start and the memory of that moment. What it loads from where, what it stores, the registers and the next pc
// must be what the trace says; where a chunk starts, also segments, floating point and vectors, from which the check goes on.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "analyzers/lift/replayed_guest.h"
#include "analyzers/lift/runner.h"
#include "trace/memory/address_space.h"
#include "trace/pass/pass.h"

namespace panda::lift {

// What was checked, and what was not, by reason.
struct CheckResult {
    uint64_t executions = 0;
    uint64_t instructions = 0;  // of those
    uint64_t checked = 0;       // executions that were compared as a whole
    uint64_t mismatches = 0;
    std::map<std::string, uint64_t> unchecked;  // executions, by reason
    std::vector<std::string> listed;            // the first mismatches, a line each
};

// How an execution that was run again ended.
struct CheckedExecution {
    bool as_traced = false;  // it was compared as a whole, and is as the trace says
    bool asked = false;      // it took inputs
    std::span<const ReplayedGuest::Written> written;
};

// Somebody who watches the executions that are run again. Those that cannot be run are not told.
class CheckObserver : public GuestObserver {
  public:
    // It has not run yet: the runner has the processor's state before it, and this is its memory. Valid until this returns.
    virtual void start(const trace::BlockExecution& block, Runner& before,
                       const trace::AddressSpace& memory) = 0;
    // It asked for an input that the trace tells after it, and starts once more.
    virtual void restart() {}
    // It has run, or as much of it as can be run: the runner has the state after it.
    virtual void end(const trace::BlockExecution& block, Runner& after, const CheckedExecution& how) = 0;
};

struct CheckOptions {
    trace::InstrRange range;
    size_t listed = 10;                 // mismatches to describe
    CheckObserver* observer = nullptr;  // must outlive the check
    bool branches = false;              // the observer is told of branches, which takes time
};

// reader: opened with tcg and snapshots; its trace must have values of stores and registers. Goes over the range, on one
// thread. What comes before it in its first chunk is run, but does not count. progress: as PassOptions has it. Throws FileError
// when the trace is damaged, or lacks what this needs, or has nothing in the range.
CheckResult check(trace::TraceReader& reader, LiftedBlocks& blocks, Level level, const CheckOptions& options,
                  const std::function<void(uint64_t)>& progress);

}  // namespace panda::lift
