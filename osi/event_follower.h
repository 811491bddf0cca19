// Takes an EventWatch along a trace: an analyzer of trace/pass/pass.h.
//
//     trace::TraceReader reader(path);
//     auto provider = find_in_snapshots(reader, 0, open);
//     auto result = trace::run_pass(reader, {.threads = 1}, [&](const trace::PassState& state) {
//         return EventFollower(state, listener, {provider, open});
//     });
//     result.analyzer.require_started();
//     result.require_whole(reader);
//
// A listener is told in the order of time, so the pass must have one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "osi/events.h"
#include "trace/pass/pass.h"

namespace panda::osi {

// Finds the system that runs at a moment; throws Error when there is none that it knows.
using OpenProvider = std::function<std::shared_ptr<const Provider>(const Point&)>;

// The system that runs in a trace, by its snapshots: the last one at or before `from`, and those after it.
// Nothing when it is in none of them, and in a pipe. later: false only looks at the first of these. Throws
// FileError for a damaged trace. reason: takes why it is not in the first.
std::shared_ptr<const Provider> find_in_snapshots(trace::TraceReader& reader, uint64_t from,
                                                  const OpenProvider& open, bool later = true,
                                                  std::string* reason = nullptr);

class EventFollower {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    struct System {
        // What is known to run in the trace, or null: watching starts as soon as it is there.
        std::shared_ptr<const Provider> provider;
        // Otherwise: asked where the pass begins, and then at system calls, after failures more and more
        // rarely. May be empty.
        OpenProvider open;
    };

    // state, listener: outlive this.
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

    // Throws Error when it was never started, saying why.
    void require_started() const;
    // What could not be found out; empty when nothing went wrong.
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
    EventPoint moment(uint64_t instr, uint64_t pc);

    const trace::PassState* state_;
    EventListener* listener_;
    System system_;
    std::unique_ptr<EventWatch> watch_;  // null: not started
    trace::CpuState cpu_;                // of the moment that is being told
    std::vector<WatchedStore> stores_;   // not told yet
    bool attentive_ = true;              // to the next block
    bool started_ = false;               // once
    std::string failure_;
    uint64_t wait_ = 0;       // system calls to pass before `open` is asked again
    uint64_t next_wait_ = 1;  // doubles with each failure
};

}  // namespace panda::osi
