#include "analyzers/syscalls/trace_pass.h"

#include <optional>

#include "common/error.h"
#include "trace/chunk_walk.h"
#include "trace/memory_follower.h"

namespace panda::syscalls {
namespace {

using trace::Access;
using trace::BlockExecution;
using trace::Chunk;
using trace::Event;
using trace::Snapshot;

// The machine as the trace goes on, and who wants to know of its events.
class Follower {
  public:
    Follower(trace::TraceReader& reader, const SystemCallPass& pass)
        : reader_(reader),
          memory_(reader.header(), reader.memory_maps()),
          guest_(memory_, pass.open_kernel),
          tracker_(guest_),
          walk_(reader.blocks()) {
        pass.set_up(tracker_, guest_);
    }

    // The first one only: memory goes on from there by itself.
    void take(const Snapshot& snapshot) {
        if (started_)
            return;
        trace::GuestMemory memory(reader_.header());
        memory.apply(snapshot);
        memory_.restore(memory);
        guest_.set_cpu(snapshot.cpu);
        started_ = true;
    }

    void take(const Chunk& chunk) {
        if (!started_)
            throw FileError(reader_.path(), "it does not begin with a snapshot of the machine");
        if (chunk.summary().memory != trace::MemoryColumns::values)
            throw FileError(reader_.path(), "it has no values of stores; replay with --columns full");
        memory_.start(chunk);
        if (chunk.summary().cpu)
            guest_.set_cpu(*chunk.summary().cpu);
        instr_ = chunk.summary().first_instr + chunk.summary().instr_count;
        walk_.go<trace::CursorColumns::memory>(chunk, *this);
    }

    SystemCallPassResult finish() {
        walk_.finish(*this);
        tracker_.finish(instr_);
        guest_.require_kernel();
        return {tracker_.counts(), {}};
    }

    uint64_t instr() const { return instr_; }

    // For ChunkWalk.
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) {
        memory_.apply(accesses);
        if (tracker_.wants_stores()) [[unlikely]]
            tracker_.stores(accesses);
    }
    void on_event(const Event& event) {
        memory_.apply(event);
        tracker_.event(event);
        guest_.apply(event);
    }

  private:
    trace::TraceReader& reader_;
    trace::MemoryFollower memory_;
    LinuxGuest guest_;
    CallTracker tracker_;
    trace::ChunkWalk walk_;
    uint64_t instr_ = 0;
    bool started_ = false;
};

}  // namespace

SystemCallPassResult run_system_call_pass(trace::TraceReader& reader, const SystemCallPass& pass) {
    Follower follower(reader, pass);
    while (const auto item = reader.next()) {
        std::visit([&follower](const auto& part) { follower.take(part); }, *item);
        if (pass.progress)
            pass.progress(follower.instr());
    }
    SystemCallPassResult result = follower.finish();
    result.flaw = reader.flaw();
    return result;
}

}  // namespace panda::syscalls
