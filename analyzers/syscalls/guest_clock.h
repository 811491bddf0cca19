// The time at a moment, from clocks that move in steps.
#pragma once

#include <cstdint>
#include <optional>

namespace panda::syscalls {

// Between two steps, instructions tell how time goes on. Times never go back, unless the clock was set back.
class GuestClock {
  public:
    // wall: ns since 1970 as of the last timer interrupt. scheduler: ns of a finer clock, as of its last step.
    // Both as they are at `instr`. Returns ns since 1970. Call it in the order of time.
    int64_t at(uint64_t instr, int64_t wall, std::optional<int64_t> scheduler);

  private:
    int64_t stepped(int64_t wall, std::optional<int64_t> scheduler);

    bool started_ = false;
    int64_t wall_ = 0;        // of the last call
    int64_t scheduler_ = 0;   // the latest that was seen
    int64_t difference_ = 0;  // the wall clock's time minus the scheduler's
    bool has_difference_ = false;
    int64_t step_ = 0;         // the time of the last step
    uint64_t step_instr_ = 0;  // where it was seen
    double rate_ = 0;          // ns for each instruction
    int64_t last_ = 0;
};

}  // namespace panda::syscalls
