// The processor's registers along a trace, as far as the trace tells them.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// A chunk begins with all registers. From there on control registers are followed by events, rip, cs' base
// and the privilege level by the blocks, and gs' two bases by the swapgs instructions that are executed. Of
// the other registers the trace tells nothing until the next chunk: the general registers and rflags are zero
// then, descriptor tables, segments and model-specific registers stay as they were.
class CpuTracker {
  public:
    // blocks: outlives this.
    explicit CpuTracker(const BlockTable& blocks) : blocks_(blocks) {}

    // At a snapshot, whose registers are known.
    void start(const CpuState& cpu);
    // At the begin of a chunk.
    void start(const ChunkSummary& chunk);
    // An execution begins.
    void begin_block(const BlockExecution& block) {
        advance(last_.executed);
        last_ = block;
        advanced_ = 0;
    }
    // So many instructions of it have gone by, at most those that it executed; they only become more.
    void advance(uint32_t executed);
    // In the order of time: the instructions before it go by first.
    void on_event(const Event& event);

    CpuState cpu() const;
    bool system_management() const { return cpu_.system_management; }

  private:
    bool has_swapgs(uint32_t id);

    const BlockTable& blocks_;
    CpuState cpu_;                 // as last told
    bool moved_ = false;           // an instruction went by since
    BlockExecution last_;          // the last execution that began
    uint32_t advanced_ = 0;        // instructions of it that went by
    std::vector<uint8_t> swapgs_;  // by block id: 0 not looked at, 1 none, 2 some
};

}  // namespace panda::trace
