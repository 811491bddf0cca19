#include "analyzers/syscalls/guest_clock.h"

#include <algorithm>

namespace panda::syscalls {
namespace {

constexpr int64_t second = 1000000000;
constexpr double longest_step = 4000000;  // a timer interrupt at 250 Hz would have moved the clock on

}  // namespace

// The later of both clocks. When a timer interrupt moves the wall clock on, the scheduler's clock moves a
// little later, or much later by the time this looks. So of all differences that are seen, the largest is
// right, until the clock is set.
int64_t GuestClock::stepped(int64_t wall, std::optional<int64_t> scheduler) {
    // The idle task runs, whose time is not counted.
    if (!scheduler || *scheduler < scheduler_)
        return wall;
    scheduler_ = *scheduler;
    if (!started_ || wall != wall_) {
        const int64_t difference = wall - *scheduler;
        if (!has_difference_ || difference > difference_ || difference < difference_ - second)
            difference_ = difference;
        has_difference_ = true;
    }
    return std::max(wall, *scheduler + difference_);
}

int64_t GuestClock::at(uint64_t instr, int64_t wall, std::optional<int64_t> scheduler) {
    const int64_t step = stepped(wall, scheduler);
    if (!started_ || step < step_ - second) {
        started_ = true;
        step_ = last_ = step;
        step_instr_ = instr;
    } else if (step > step_) {
        // While the machine idles, time goes on without instructions.
        if (instr > step_instr_) {
            const double measured =
                static_cast<double>(step - step_) / static_cast<double>(instr - step_instr_);
            rate_ = rate_ == 0 ? measured : std::min(measured, rate_ * 1.25);
        }
        step_ = step;
        step_instr_ = instr;
    }
    wall_ = wall;
    const double since = std::min(static_cast<double>(instr - step_instr_) * rate_, longest_step);
    last_ = std::max(last_, step_ + static_cast<int64_t>(since));
    return last_;
}

}  // namespace panda::syscalls
