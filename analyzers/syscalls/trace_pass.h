// Goes over a trace with memory current, and hands its system calls to a CallTracker.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "analyzers/syscalls/linux_guest.h"
#include "analyzers/syscalls/tracker.h"
#include "trace/access.h"
#include "trace/event.h"
#include "trace/pass/memory_follower.h"
#include "trace/reading/reader.h"

namespace panda::syscalls {

// Sees what the pass sees of the machine, beside the tracker, once memory is known. Nothing here is called in a gap.
class TraceObserver {
  public:
    virtual ~TraceObserver() = default;
    // Memory is known from here on: at the start, and after a gap. memory: lives as long as the pass.
    virtual void on_start(const trace::MemoryFollower& /*memory*/, uint64_t /*instr*/) {}
    virtual void on_chunk() {}
    virtual void on_block(const trace::BlockExecution& /*block*/) {}
    // See ChunkWalk. Memory does not have these accesses yet.
    virtual void on_split(uint64_t /*instr*/) {}
    virtual void on_accesses(const trace::BlockExecution& /*block*/,
                             std::span<const trace::Access> /*accesses*/) {}
    // After the tracker and memory have it.
    virtual void on_event(const trace::Event& /*event*/) {}
    virtual void on_end(uint64_t /*instr*/) {}
};

struct SystemCallPass {
    // Finds the kernel; see LinuxGuest.
    LinuxGuest::Open open_kernel;
    // Adds the callbacks, before the first event. Both arguments live until the pass is over.
    std::function<void(CallTracker&, LinuxGuest&)> set_up;
    // Gets the instr that was reached, after each chunk; may be empty.
    std::function<void(uint64_t)> progress;
    TraceObserver* observer = nullptr;  // may be null
    // Goes from the trace's first snapshot on, even where no program runs yet.
    bool from_start = false;
    // It is not an error if the guest makes system calls and no kernel is found in it.
    bool without_kernel = false;
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
