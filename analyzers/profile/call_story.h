// Every call of a window of a trace, as it happens and as slices of a timeline.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/profile/profile.h"
#include "osi/event_follower.h"
#include "osi/symbols/symbolizer.h"
#include "trace/pass/pass_state.h"

namespace panda::profile {

// A call, or an entry of the kernel.
struct CallLine {
    uint64_t instr = 0;      // of the first instruction in the function
    uint64_t end_instr = 0;  // when it was over
    const Owner* owner = nullptr;
    unsigned depth = 0;  // calls around it; 0: none is known
    callstack::FrameKind kind = callstack::FrameKind::call;
    uint64_t function = 0;  // linear address
    std::string name;       // "write [libc.so.6]", or the address
};

// Is told of calls.
class CallSink {
  public:
    virtual ~CallSink() = default;
    virtual void on_begin(const CallLine&) {}  // end_instr is not known yet
    virtual void on_end(const CallLine&) {}
};

// An analyzer (trace/pass/pass.h), of one thread.
class CallStory {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    // max_depth: deeper calls are not told. system: may have no provider. All must outlive this.
    CallStory(const trace::PassState& state, std::vector<CallSink*> sinks, unsigned max_depth,
              osi::Symbolizer& symbolizer, osi::EventFollower::System system);
    CallStory(CallStory&&) noexcept;
    ~CallStory();

    void on_block(const trace::BlockExecution& block) {
        follower_->on_block(block);
        events_->on_block(block);
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower_->on_accesses(block, accesses);
        events_->on_accesses(block, accesses);
    }
    void after_accesses(const trace::BlockExecution& block) { events_->after_accesses(block); }
    void on_event(const trace::Event& event) {
        follower_->on_event(event);
        events_->on_event(event);
    }
    void append(CallStory&&) {}

  private:
    class Listener;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<callstack::StackFollower> follower_;
    std::unique_ptr<osi::EventFollower> events_;
};

}  // namespace panda::profile
