// Whether each executed block was translated for the mode that the trace says the processor is in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Follows CR0's PE, MP, EM and TS, long mode (EFER.LMA) and system management mode through a chunk's
// registers and ModeChange events. What a block was translated for is in its flags (HF_* of QEMU's
// target/i386/cpu.h).
class BlockModes {
  public:
    // blocks: outlives this.
    explicit BlockModes(const BlockTable& blocks) : blocks_(blocks) {}

    // At the begin of a chunk.
    void start(const ChunkSummary& chunk);
    void on_event(const Event& event);
    // The next execution. False when its block is of another mode; true while the mode is not known.
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
    std::vector<uint8_t> modes_;  // by block id, a bit for each of what is followed
    uint8_t mode_ = 0;            // now
    bool known_ = false;
};

}  // namespace panda::trace
