// A pass over the accesses of a trace, by tap point.
//
//     struct Sizes {
//         static constexpr auto wants = taps::Wants::writes;
//         void take(const taps::TapAccess& access) { total += access.access.size; }
//         uint64_t total = 0;
//     };
//
//     taps::TapNumbers numbers;
//     Sizes sizes;
//     taps::run_tap_pass(run, numbers, sizes);
//
// A sink is told of what guest code loads and stores itself. The processor's own accesses (interrupt frames, page
// tables) belong to no code, and devices are not memory.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/shared/frame.h"
#include "analyzers/taps/tap_numbers.h"
#include "common/error.h"
#include "trace/pass/pass.h"

namespace panda::taps {

// What a sink is told of.
enum class Wants : uint8_t {
    sizes,   // loads and stores, without the values of loads
    writes,  // stores
    values,  // loads and stores with their values; this keeps memory current, so the pass takes longer
};

// An access of guest code.
struct TapAccess {
    uint32_t tap;  // its number
    bool write;
    uint64_t instr;               // of the instruction
    const trace::Access& access;  // the bytes are the lowest of value and value_high
    const callstack::ShadowStacks& stacks;
    const trace::PassState& state;

    uint32_t size() const { return access.size; }
    // The bytes in the order of their addresses.
    std::span<const uint8_t> bytes() const {
        static_assert(offsetof(trace::Access, value_high) == offsetof(trace::Access, value) + 8);
        return {reinterpret_cast<const uint8_t*>(&access) + offsetof(trace::Access, value), access.size};
    }
};

// What the passes below have in common.
template <typename Sink>
class TapWalk : public trace::IgnoresAfterAccesses {
  public:
    // All must outlive this.
    TapWalk(const trace::PassState& state, TapNumbers& numbers, Sink& sink)
        : state_(&state), numbers_(&numbers), sink_(&sink), follower_(state) {}

    void on_block(const trace::BlockExecution& block) { follower_.on_block(block); }
    void on_event(const trace::Event& event) { follower_.on_event(event); }

  protected:
    void follow(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower_.on_accesses(block, accesses);
    }
    void take(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        if (accesses.empty())
            return;
        const callstack::ShadowStacks& stacks = follower_.stacks();
        const callstack::Frame* const frame = stacks.innermost();
        TapNumbers::Row row =
            numbers_->row(state_->blocks(), block.id, frame == nullptr ? 0 : frame->return_address,
                          stacks.in_user() ? state_->asid() : 0);
        for (const trace::Access& access : accesses) {
            const bool write = access.kind == trace::AccessKind::store;
            if (!write && (Sink::wants == Wants::writes || access.kind != trace::AccessKind::load))
                continue;
            const uint32_t tap = row[access.instruction];
            if (tap != TapNumbers::unwanted)
                sink_->take({tap, write, block.instr + access.instruction, access, stacks, *state_});
        }
    }

  private:
    const trace::PassState* state_;
    TapNumbers* numbers_;
    Sink* sink_;
    callstack::StackFollower follower_;
};

// Without the values of loads.
template <typename Sink>
class AccessTaps : public TapWalk<Sink> {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::accesses;
    using TapWalk<Sink>::TapWalk;
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        this->follow(block, accesses);
        this->take(block, accesses);
    }
    void append(AccessTaps&&) {}
};

// With them.
template <typename Sink>
class ValueTaps : public TapWalk<Sink> {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    using TapWalk<Sink>::TapWalk;
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        this->follow(block, accesses);
    }
    void on_values(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        this->take(block, accesses);
    }
    void append(ValueTaps&&) {}
};

// Takes a sink over the run's trace, in order, because stacks go from the beginning to the end. Throws FileError for
// a damaged trace, and for one without the values of stores unless the sink wants sizes only. hidden: without a progress
// bar, for a sink that prints.
template <typename Sink>
void run_tap_pass(analyzers::Run& run, TapNumbers& numbers, Sink& sink, bool hidden = false) {
    trace::TraceReader& reader = run.reader();
    trace::PassOptions options = run.pass_options(hidden);
    options.in_order = true;
    if constexpr (Sink::wants != Wants::sizes)
        options.select = [&reader](const trace::ChunkSummary& chunk) {
            if (chunk.memory != trace::MemoryColumns::values)
                throw FileError(reader.path(),
                                "does not hold the values of stores (--columns full has them)");
            return true;
        };
    auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        if constexpr (Sink::wants == Wants::values)
            return ValueTaps<Sink>(state, numbers, sink);
        else
            return AccessTaps<Sink>(state, numbers, sink);
    });
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
}

}  // namespace panda::taps
