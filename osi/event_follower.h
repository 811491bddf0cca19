// Takes an EventWatch along a trace: an analyzer of trace/pass/pass.h.
//
//     trace::TraceReader reader(path);
//     auto provider = find_in_snapshots(reader, 0, open);
//     auto result = trace::run_pass(reader, {.in_order = true}, [&](const trace::PassState& state) {
//         return EventFollower(state, listener, {provider, open});
//     });
//     result.analyzer.require_started();
//     result.require_whole(reader);
//
// The listener gets events in the order of time, so the pass must be in order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "osi/events.h"
#include "osi/kernel_epoch.h"
#include "trace/pass/pass.h"

namespace panda::osi {

// Finds the system that runs at a moment. Throws Error when it knows none that does.
using OpenProvider = std::function<std::shared_ptr<const Provider>(const Point&)>;

// The system that runs in a trace, looked for in its snapshots: the last one at or before `from`, and those
// after it. Returns nothing when it is in none of them, and for a pipe. later: false looks only at the first
// of these. reason: gets why it is not in the first. Throws FileError for a damaged trace.
std::shared_ptr<const Provider> find_in_snapshots(trace::TraceReader& reader, uint64_t from,
                                                  const OpenProvider& open, bool later = true,
                                                  std::string* reason = nullptr);

class EventFollower {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    struct System {
        // The system that is known to run in the trace, or null. Watching starts as soon as it is there.
        std::shared_ptr<const Provider> provider;
        // If there is none, this is asked where the pass begins, and then at system calls, less and less
        // often while it fails. May be empty.
        OpenProvider open;
    };

    // state, listener: must outlive this.
    EventFollower(const trace::PassState& state, EventListener& listener, System system)
        : state_(&state), listener_(&listener), system_(std::move(system)) {}

    void on_block(const trace::BlockExecution& block) {
        if (attentive_) [[unlikely]]
            look_at(block);
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        if (!watch_)
            return;
        const WatchedAddresses& watched = watch_->addresses();
        for (const trace::Access& access : accesses)
            if (access.is_store() && watched.may_hold(access.address)) [[unlikely]]
                note(block, access);
    }
    void after_accesses(const trace::BlockExecution&) {
        if (!stores_.empty()) [[unlikely]]
            tell_stores();
    }
    void on_event(const trace::Event& event);
    void append(EventFollower&&) {}

    // Throws an Error that says why, if watching never started.
    void require_started() const;
    // What could not be found out; empty if nothing went wrong.
    std::string warning() const { return watch_ ? watch_->warning() : std::string(); }
    // The system that was found, or null.
    std::shared_ptr<const Provider> provider() const { return system_.provider; }

  private:
    void look_at(const trace::BlockExecution& block);
    void note(const trace::BlockExecution& block, const trace::Access& access);
    void tell_stores();
    void try_start(const EventPoint& at, bool system_call);
    void start(const EventPoint& at);
    void stop();
    void forget_system();
    EventPoint moment(uint64_t instr, uint64_t pc);

    const trace::PassState* state_;
    EventListener* listener_;
    System system_;
    std::unique_ptr<EventWatch> watch_;  // null: not started
    std::optional<KernelEpoch> epoch_;   // of the system that is watched
    trace::CpuState cpu_;                // at the moment that is being told
    std::vector<WatchedStore> stores_;   // not told yet
    bool attentive_ = true;              // to the next block
    bool started_ = false;               // at least once
    std::string failure_;
    uint64_t wait_ = 0;       // system calls to wait for before `open` is asked again
    uint64_t next_wait_ = 1;  // doubles with each failure
};

}  // namespace panda::osi
