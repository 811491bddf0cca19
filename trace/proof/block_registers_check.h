// Whether the registers at the begins of executions are what else the trace tells of them.
#pragma once

#include <cstdint>

#include "trace/event.h"
#include "trace/reading/chunk.h"
#include "trace/reading/register_cursor.h"

namespace panda::trace {

// A chunk's first execution begins with the registers that the chunk tells; the one after a system call or a
// return from the kernel with those that the event tells. Traces without registers have nothing to check.
class BlockRegistersCheck {
  public:
    // At the begin of a chunk. Throws FileError when it is damaged.
    void start(const Chunk& chunk);
    void on_event(const Event& event);
    // The next execution. False when it begins with other registers.
    bool on_block(const BlockExecution& block) { return !active_ || check(block); }
    // At the end of a chunk. Throws FileError when it has the registers of more executions.
    void end() const;
    // Registers that were compared.
    uint64_t checked() const { return checked_; }

  private:
    bool check(const BlockExecution& block);
    void expect(unsigned number, uint64_t value);

    RegisterCursor cursor_;
    bool active_ = false;
    uint32_t expected_ = 0;  // 1 << number: the next execution's, if nothing comes between
    BlockRegisters values_{};
    uint64_t checked_ = 0;
};

}  // namespace panda::trace
