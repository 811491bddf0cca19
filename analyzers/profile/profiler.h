// Counts instructions by function and call path along a trace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/profile/profile.h"
#include "osi/event_follower.h"
#include "osi/symbols/symbolizer.h"
#include "trace/pass/pass_state.h"

namespace panda::profile {

// Knows which thread runs, and sets notes in frames: a frame's note is the path of the code that called.
class Scene final : public osi::EventListener, public callstack::StackListener {
  public:
    Scene(Profile& profile, osi::Symbolizer& symbolizer) : profile_(profile), symbolizer_(symbolizer) {}

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override;
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override;
    void on_finished_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_stop() override;
    void on_call(callstack::Frame& frame, uint64_t) override { frame.note = path; }

    uint32_t path = 0;   // of the code that ran last
    uint32_t owner = 0;  // index of Profile::owners
    osi::ProcessHandle process;

  private:
    void run(const osi::EventPoint& at, const osi::Thread& thread);

    Profile& profile_;
    osi::Symbolizer& symbolizer_;
    const osi::Provider* provider_ = nullptr;
    std::map<Owner, uint32_t> owners_;
};

// An analyzer (trace/pass/pass.h), of one thread. All that is passed to it must outlive it.
class Profiler {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    // system: without a provider if none is known.
    Profiler(const trace::PassState& state, Profile& profile, Scene& scene, osi::Symbolizer& symbolizer,
             osi::EventFollower::System system);

    void on_block(const trace::BlockExecution& block) {
        follower_.on_block(block);
        events_.on_block(block);
        counted_ = false;
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower_.on_accesses(block, accesses);
        events_.on_accesses(block, accesses);
        if (!counted_)
            count(block);
    }
    void after_accesses(const trace::BlockExecution& block) { events_.after_accesses(block); }
    void on_event(const trace::Event& event) {
        follower_.on_event(event);
        events_.on_event(event);
    }
    void append(Profiler&&) {}
    // Puts the last counts into the profile. Call it after the pass.
    void finish();

    const callstack::ReturnCounts& returns() const { return follower_.stacks().counts(); }

  private:
    static constexpr uint32_t unknown = ~uint32_t{0};

    void count(const trace::BlockExecution& block) {
        counted_ = true;
        const callstack::Frame* const top = follower_.stacks().top();
        const uint32_t caller = top == nullptr ? 0 : top->note;
        const uint32_t function = block.id < functions_.size() && functions_[block.id] != unknown
                                      ? functions_[block.id]
                                      : name(block);
        if (caller != caller_ || function != function_ || scene_->owner != owner_) [[unlikely]]
            go_to(caller, function);
        *count_ += block.executed;
    }
    uint32_t name(const trace::BlockExecution& block);
    void go_to(uint32_t caller, uint32_t function);

    const trace::PassState* state_;
    Profile* profile_;
    Scene* scene_;
    osi::Symbolizer* symbolizer_;
    std::shared_ptr<const osi::Provider> provider_;
    callstack::StackFollower follower_;
    osi::EventFollower events_;
    bool counted_ = true;
    std::vector<uint32_t> functions_;                            // by block id
    std::unordered_map<osi::FunctionId, uint32_t> by_function_;  // numbers in Profile::functions
    std::unordered_map<uint64_t, uint64_t> sums_;                // by owner << 32 | path
    // What ran last.
    uint32_t caller_ = unknown;
    uint32_t function_ = unknown;
    uint32_t owner_ = unknown;
    uint64_t* count_ = nullptr;
};

}  // namespace panda::profile
