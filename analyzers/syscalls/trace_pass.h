// Goes over a trace with memory current, and hands its system calls to a CallTracker.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "analyzers/syscalls/linux_guest.h"
#include "analyzers/syscalls/tracker.h"
#include "trace/reading/reader.h"

namespace panda::syscalls {

struct SystemCallPass {
    // Finds the kernel; see LinuxGuest.
    LinuxGuest::Open open_kernel;
    // Adds the callbacks, before the first event. Both arguments live until the pass is over.
    std::function<void(CallTracker&, LinuxGuest&)> set_up;
    // Gets the instr that was reached, after each chunk; may be empty.
    std::function<void(uint64_t)> progress;
};

struct SystemCallPassResult {
    PairCounts counts;
    std::string flaw;  // why the trace ended early; empty if it did not
};

// Goes over the trace in order. The callbacks come on the caller's thread, while others decode. The reader must be
// at its start, and have been opened with snapshots. Throws FileError for a damaged trace and for one without the
// columns of memory, and Error when the guest makes system calls but no kernel was found in it.
SystemCallPassResult run_system_call_pass(trace::TraceReader& reader, const SystemCallPass& pass);

}  // namespace panda::syscalls
