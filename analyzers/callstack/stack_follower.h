// Takes ShadowStacks along a trace. A part of an analyzer (trace/pass/pass.h), which passes its callbacks on:
//
//     class Analyzer : trace::IgnoresAfterAccesses {
//         static constexpr trace::PassNeeds needs = trace::PassNeeds::accesses;  // or memory
//         void on_block(const trace::BlockExecution& block) {
//             follower_.on_block(block);
//             ... follower_.stacks(): as they are where the block starts ...
//         }
//         void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
//             follower_.on_accesses(block, accesses);
//         }
//         void on_event(const trace::Event& event) { follower_.on_event(event); }
//
// Stacks go from the trace's beginning to its end, so the pass must have one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "analyzers/callstack/flow.h"
#include "analyzers/callstack/shadow_stacks.h"
#include "trace/access.h"
#include "trace/event.h"
#include "trace/pass/pass_state.h"

namespace panda::callstack {

class StackFollower {
  public:
    // state: must outlive this. listener: may be null, else must outlive this.
    explicit StackFollower(const trace::PassState& state, StackListener* listener = nullptr)
        : state_(&state), flows_(state.blocks()), stacks_(listener) {}

    void on_block(const trace::BlockExecution& block) {
        if (kind_ != FlowKind::plain || arriving_) [[unlikely]]
            arrive(block);
        const Flow& flow = flows_[block.id];
        // A block that was cut short has not executed its last instruction.
        kind_ = block.executed == flow.last + 1u ? flow.kind : FlowKind::plain;
        flow_ = &flow;
        user_ = flow.user;
        slot_ = no_slot;
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        if (kind_ != FlowKind::plain || attentive_)
            look_at(block, accesses);
    }
    void on_event(const trace::Event& event);

    // The stacks, as they are where the current block starts, or at the event. Right after an interrupt or exception
    // the entry is known from the handler's first block on, once on_accesses() was called.
    const ShadowStacks& stacks() const { return stacks_; }
    // The block's last instruction.
    const Flow& flow() const { return *flow_; }

  private:
    static constexpr uint64_t no_slot = ~uint64_t{0};

    void arrive(const trace::BlockExecution& block);
    void apply_flow(uint64_t instr);
    void tell_target(uint64_t pc, uint64_t instr);
    void look_at(const trace::BlockExecution& block, std::span<const trace::Access> accesses);
    void find_slot(std::span<const trace::Access> accesses);
    void settle(const trace::BlockExecution& block, std::span<const trace::Access> accesses);
    void enter(const trace::BlockExecution& block, std::span<const trace::Access> accesses);
    void begin_entry(FrameKind kind, uint8_t vector, uint64_t instr);

    const trace::PassState* state_;
    Flows flows_;
    ShadowStacks stacks_;

    // The current block, or the last one.
    const Flow* flow_ = nullptr;
    FlowKind kind_ = FlowKind::plain;  // plain as well once it has been applied
    uint64_t slot_ = no_slot;          // where it loaded or stored the return address
    bool user_ = false;                // the privilege level

    // Control goes to the next block in a way that is not done with.
    enum class Target : uint8_t { known, of_call, of_return };
    Target target_ = Target::known;
    bool arriving_ = true;    // the next block decides something
    bool attentive_ = false;  // so do the accesses of this one
    bool started_ = false;
    bool jumped_ = false;                       // an indirect jump led to this block
    std::optional<ShadowStacks::Entry> entry_;  // the next block is the kernel's, after this
    bool entry_from_user_ = false;
};

}  // namespace panda::callstack
