#include "analyzers/syscalls/trace_pass.h"

#include <span>
#include <thread>

#include "analyzers/syscalls/kernel_functions.h"
#include "analyzers/syscalls/pass_start.h"
#include "common/error.h"
#include "trace/pass/memory_follower.h"
#include "trace/pass/pass.h"
#include "trace/reading/chunk_walk.h"

namespace panda::syscalls {
namespace {

using trace::Access;
using trace::BlockExecution;
using trace::Chunk;
using trace::Event;
using trace::Snapshot;

// Keeps the machine current along the trace, and tells the tracker of its events.
class Follower {
  public:
    Follower(trace::TraceReader& reader, const SystemCallPass& pass)
        : reader_(reader),
          snapshots_(reader.header()),
          memory_(reader.header(), reader.memory_maps()),
          guest_(memory_, pass.open_kernel),
          tracker_(guest_),
          functions_(reader.blocks()),
          walk_(reader.blocks()),
          observer_(pass.observer),
          without_kernel_(pass.without_kernel),
          first_snapshot_(pass.from_start ? 0 : snapshot_before_programs(reader, pass.open_kernel)) {
        pass.set_up(tracker_, guest_);
    }

    // The next snapshot of a pipe.
    void take(const Snapshot& snapshot) {
        snapshots_.apply(snapshot);
        if (wants_snapshot(snapshot.number))
            start(snapshots_, snapshot);
    }

    // Memory starts from the snapshot where the pass begins, and after a gap from the next one; in between it
    // follows the stores.
    bool wants_snapshot(size_t number) const { return !known_ && number >= first_snapshot_; }
    void start(const trace::GuestMemory& memory, const Snapshot& snapshot) {
        memory_.restore(memory);
        guest_.set_cpu(snapshot.cpu);
        started_ = known_ = true;
        guest_.find_kernel();
        functions_.set(guest_.functions());
        tracker_.begin(snapshot.instr);
        if (observer_ != nullptr)
            observer_->on_start(memory_, snapshot.instr);
    }

    // ahead: as for ChunkWalk.
    void take(const Chunk& chunk, trace::BatchCursor* ahead = nullptr) {
        const uint64_t end = chunk.summary().first_instr + chunk.summary().instr_count;
        if (chunk.summary().memory != trace::MemoryColumns::values)
            throw FileError(reader_.path(), "it has no values of stores; replay with --columns full");
        instr_ = end;
        if (!started_ && first_snapshot_ > 0)
            return;
        if (known_) {
            memory_.start(chunk);
            if (chunk.summary().cpu)
                guest_.set_cpu(*chunk.summary().cpu);
            if (observer_ != nullptr)
                observer_->on_chunk();
        }
        walk_.go<trace::CursorColumns::memory>(chunk, *this, ahead);
        memory_.require_nothing_lost();
    }

    SystemCallPassResult finish() {
        walk_.finish(*this);
        if (!started_ && instr_ > 0)
            throw FileError(reader_.path(), "it does not begin with a snapshot of the machine");
        if (known_) {
            tracker_.finish(instr_);
            if (observer_ != nullptr)
                observer_->on_end(instr_);
        }
        if (!without_kernel_)
            guest_.require_kernel();
        return {tracker_.counts(), {}};
    }

    uint64_t instr() const { return instr_; }
    size_t first_snapshot() const { return first_snapshot_; }

    // For ChunkWalk.
    void on_block(const BlockExecution& block) {
        if (const auto function = functions_.begun_by(block.id); function && known_) [[unlikely]]
            tracker_.kernel_function(*function, block.instr);
        if (observer_ != nullptr && known_)
            observer_->on_block(block);
    }
    void on_split(uint64_t instr) {
        if (observer_ != nullptr && known_)
            observer_->on_split(instr);
    }
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        if (!known_) [[unlikely]]
            return;
        if (observer_ != nullptr)
            observer_->on_accesses(block, accesses);
        memory_.apply(accesses);
        if (tracker_.wants_stores()) [[unlikely]]
            tracker_.stores(accesses);
    }
    // Executions with nothing between them: memory takes their stores together, when it is read or when they end.
    void begin_group(const trace::AccessGroup& group, size_t first, size_t) {
        if (known_)
            memory_.begin_group(group, first);
    }
    void end_group() {
        if (known_)
            memory_.end_group();
    }
    void on_event(const Event& event) {
        if (std::holds_alternative<trace::Gap>(event.detail) && known_) {
            // A task that was in a call may have left it meanwhile.
            tracker_.finish(event.instr);
            known_ = false;
        }
        if (!known_)
            return;
        if (guest_.kernel_ends_at(event)) {
            // Tasks of another kernel make the calls from here on.
            tracker_.finish(event.instr);
            tracker_.forget();
            guest_.forget_kernel();
            functions_.forget();
        }
        memory_.apply(event);
        tracker_.event(event);
        guest_.apply(event);
        if (!functions_.known() && guest_.tells_functions()) [[unlikely]]
            functions_.set(guest_.functions());
        if (observer_ != nullptr)
            observer_->on_event(event);
    }

  private:
    trace::TraceReader& reader_;
    trace::GuestMemory snapshots_;
    trace::MemoryFollower memory_;
    LinuxGuest guest_;
    CallTracker tracker_;
    KernelFunctions functions_;
    trace::ChunkWalk walk_;
    TraceObserver* observer_;
    bool without_kernel_;
    size_t first_snapshot_;
    uint64_t instr_ = 0;  // chunks have been taken up to here
    bool started_ = false;
    bool known_ = false;  // memory: not before the first snapshot, nor between a gap and the next one
};

void follow_pipe(trace::TraceReader& reader, const SystemCallPass& pass, Follower& follower) {
    while (const auto item = reader.next()) {
        std::visit([&follower](const auto& part) { follower.take(part); }, *item);
        if (pass.progress)
            pass.progress(follower.instr());
    }
}

// Chunks from the first one that matters on are decoded by other threads.
void follow_file(trace::TraceReader& reader, const SystemCallPass& pass, Follower& follower) {
    reader.load_blocks();
    trace::SharedReader shared(reader);
    const trace::Contents& contents = shared.contents();
    const size_t first = follower.first_snapshot() == 0 ? 0 : contents.chunk_after(follower.first_snapshot());
    trace::DecodeAhead ahead(
        reader.blocks(),
        {first, contents.chunks.size(), trace::CursorColumns::memory, std::thread::hardware_concurrency()},
        [&shared](size_t number) { return shared.chunk(number); },
        [](const trace::ChunkSummary& chunk) { return chunk.memory == trace::MemoryColumns::values; });
    size_t next_snapshot = 0;
    for (size_t number = first;; ++number) {
        for (const size_t end = contents.snapshots_before(number); next_snapshot < end; ++next_snapshot)
            if (follower.wants_snapshot(next_snapshot))
                follower.start(shared.memory_at(next_snapshot), shared.snapshot(next_snapshot));
        if (number == contents.chunks.size())
            return;
        const auto [chunk, cursor] = ahead.next();
        follower.take(chunk, cursor);
        if (pass.progress)
            pass.progress(follower.instr());
    }
}

}  // namespace

SystemCallPassResult run_system_call_pass(trace::TraceReader& reader, const SystemCallPass& pass) {
    Follower follower(reader, pass);
    if (reader.seekable())
        follow_file(reader, pass, follower);
    else
        follow_pipe(reader, pass, follower);
    SystemCallPassResult result = follower.finish();
    result.flaw = reader.flaw();
    return result;
}

}  // namespace panda::syscalls
