// Checks that each executed block was translated for the mode that the processor is in, as the trace says.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Follows CR0's PE, MP, EM and TS, long mode (EFER.LMA) and system management mode by chunks' registers and
// ModeChange events. A block's flags (HF_* of QEMU's target/i386/cpu.h) say which mode it was translated for.
class BlockModes {
  public:
    // blocks: of the trace; must outlive this.
    explicit BlockModes(const BlockTable& blocks) : blocks_(blocks) {}

    // Starts a chunk.
    void start(const ChunkSummary& chunk);
    // Takes the next event. After a gap the mode is not known.
    void on_event(const Event& event);
    // Takes the next execution. Returns false if its block was translated for another mode; true if the mode
    // is not known.
    bool on_block(uint32_t id) {
        if (!known_)
            return true;
        if (id >= modes_.size()) [[unlikely]]
            grow();
        return modes_[id] == mode_;
    }

  private:
    void set(uint64_t cr0, uint64_t efer, bool system_management);
    void grow();

    const BlockTable& blocks_;
    std::vector<uint8_t> modes_;  // by block id: one bit for each thing that is followed
    uint8_t mode_ = 0;            // the processor's
    bool known_ = false;
};

}  // namespace panda::trace
