// Checks the registers at the start of executions against everything else that the trace says about them.
#pragma once

#include <cstdint>

#include "trace/event.h"
#include "trace/reading/chunk.h"
#include "trace/reading/register_cursor.h"

namespace panda::trace {

// A chunk's first execution must start with the registers that the chunk has. The execution after a system
// call or a return from the kernel must start with the registers that the event has. In traces without
// registers there is nothing to check.
class BlockRegistersCheck {
  public:
    // Starts a chunk. Throws FileError when the column is damaged.
    void start(const Chunk& chunk);
    // Takes the next event.
    void on_event(const Event& event);
    // Takes the next execution. Returns false if it starts with other registers. Throws FileError when the
    // chunk contradicts itself.
    bool on_block(const BlockExecution& block) { return !active_ || check(block); }
    // Ends a chunk. Throws FileError when it has the registers of more executions than it has executions.
    void end() const;
    // How many registers were compared so far.
    uint64_t checked() const { return checked_; }

  private:
    bool check(const BlockExecution& block);
    void expect(unsigned number, uint64_t value);

    RegisterCursor cursor_;
    bool active_ = false;
    uint32_t expected_ =
        0;  // one bit, 1 << number, for each register of values_ that the next execution must have
    BlockRegisters values_{};
    uint64_t checked_ = 0;
};

}  // namespace panda::trace
