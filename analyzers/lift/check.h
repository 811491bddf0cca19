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

// Another witness of what blocks do: it is told of each execution that is run again as a whole, and of its end if that is as the
// trace says. Executions that ask for inputs are left out.
class CheckObserver {
  public:
    virtual ~CheckObserver() = default;
    // It has not run yet: the runner has the processor's state before it, and this is its memory. Valid until this returns.
    virtual void start(const trace::BlockExecution& block, Runner& before,
                       const trace::AddressSpace& memory) = 0;
    // It has, as the trace says. written: what it stored.
    virtual void end(const trace::BlockExecution& block, Runner& after,
                     std::span<const ReplayedGuest::Written> written) = 0;
};

struct CheckOptions {
    trace::InstrRange range;
    size_t listed = 10;                 // mismatches to describe
    CheckObserver* observer = nullptr;  // must outlive the check
};

// reader: opened with tcg and snapshots; its trace must have values of stores and registers. Goes over the range, on one
// thread. progress: as PassOptions has it. Throws FileError when the trace is damaged, or lacks what this needs.
CheckResult check(trace::TraceReader& reader, LiftedBlocks& blocks, Level level, const CheckOptions& options,
                  const std::function<void(uint64_t)>& progress);

}  // namespace panda::lift
