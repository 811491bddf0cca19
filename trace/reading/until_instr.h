// Goes through a chunk up to an instr, and not beyond. Internal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "trace/access.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"
#include "trace/reading/cpu_tracker.h"

namespace panda::trace {

// A visitor of ChunkWalk that follows the registers and hands everything before an instr to a sink, which has
// apply(std::span<const Access>) and apply(const Event&). An instruction that faulted is not counted, so it
// has the same number as the first instruction of the handler. It counts as before that one.
template <typename Sink>
class UntilInstr {
  public:
    // instr: where to stop. cpu, sink: must outlive this.
    UntilInstr(uint64_t instr, CpuTracker& cpu, Sink& sink) : instr_(instr), cpu_(cpu), sink_(sink) {}

    // Whether the instr was reached.
    bool done() const { return done_; }

    void on_block(const BlockExecution& block) {
        done_ = block.instr + block.executed > instr_;
        executed_ = done_ ? static_cast<uint32_t>(instr_ - block.instr) : block.executed;
        cpu_.begin_block(block);
    }
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) {
        const auto later =
            done_ ? std::find_if(accesses.begin(), accesses.end(),
                                 [this](const Access& access) { return access.instruction >= executed_; })
                  : accesses.end();
        sink_.apply(std::span<const Access>(accesses.begin(), later));
        if (done_)
            cpu_.advance(executed_);
    }
    void on_event(const Event& event) {
        if (event.instr > instr_)
            return;
        cpu_.on_event(event);
        sink_.apply(event);
    }

  private:
    uint64_t instr_;
    CpuTracker& cpu_;
    Sink& sink_;
    bool done_ = false;
    uint32_t executed_ = 0;  // instructions of the current execution that are before instr_
};

}  // namespace panda::trace
