// A progress line on a terminal: done of total, percent, instructions per second. Nothing elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace panda {

class Progress {
  public:
    // label: shown before the bar. total: in instructions; 0 = unknown. Nothing is drawn when quiet, or when
    // standard error is not a terminal.
    Progress(std::string label, uint64_t total, bool quiet);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Redraws at most ten times a second; otherwise it costs one read of the clock.
    void update(uint64_t done);
    // Erases the line.
    void finish();

  private:
    void draw(uint64_t done);

    using Clock = std::chrono::steady_clock;
    std::string label_;
    uint64_t total_;
    bool active_;
    Clock::time_point start_;
    Clock::time_point last_draw_;
};

}  // namespace panda
