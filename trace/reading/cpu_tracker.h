// The processor's registers along a trace, as far as the trace has them.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// A chunk starts with all registers. From there on, events change the control registers; blocks say what rip,
// the base of cs and the privilege level are; and executed swapgs instructions swap the two bases of gs.
// About the other registers the trace says nothing until the next chunk: the general registers and rflags are
// zero, and descriptor tables, segments and model-specific registers stay as they were.
class CpuTracker {
  public:
    // blocks: of the trace; must outlive this.
    explicit CpuTracker(const BlockTable& blocks) : blocks_(blocks) {}

    // Continues from a snapshot. cpu: its registers.
    void start(const CpuState& cpu);
    // Starts a chunk, with its registers if it has them, else with its CR3.
    void start(const ChunkSummary& chunk);
    // Starts an execution; the one before is over.
    void begin_block(const BlockExecution& block) {
        advance(last_.executed);
        last_ = block;
        advanced_ = 0;
    }
    // Says that `executed` instructions of the current execution are over. More than it executed count as all
    // of them, and a number lower than before changes nothing.
    void advance(uint32_t executed);
    // Takes an event, in order of time. The current execution's instructions before it are over then.
    void on_event(const Event& event);

    // The registers at the point reached.
    CpuState cpu() const;
    // The registers if the trace tells all of them here: at a chunk's start, before its first instruction. Else null. Valid
    // until the next call of another function.
    const CpuState* whole() const { return moved_ ? nullptr : &cpu_; }
    // Control registers and EFER at the point reached; the other registers are those that the trace told last.
    const CpuState& control() const { return cpu_; }
    // Whether the processor is in system management mode there.
    bool system_management() const { return cpu_.system_management; }

  private:
    bool has_swapgs(uint32_t id);

    const BlockTable& blocks_;
    CpuState cpu_;                 // as the trace said last
    bool moved_ = false;           // an instruction was executed since
    BlockExecution last_;          // the current execution
    uint32_t advanced_ = 0;        // instructions of it that are over
    std::vector<uint8_t> swapgs_;  // by block id: 0 not looked at, 1 none, 2 some
};

}  // namespace panda::trace
