#include "common/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace panda {

Progress::Progress(std::string label, uint64_t total, bool quiet)
    : label_(std::move(label)),
      total_(total),
      active_(!quiet && ::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
    finish();
}

void Progress::update(uint64_t done) {
    if (!active_)
        return;
    const auto now = Clock::now();
    if (now - last_draw_ < std::chrono::milliseconds(100))
        return;
    last_draw_ = now;
    draw(done);
}

void Progress::finish() {
    if (active_)
        std::fputs("\r\033[K", stderr);
    active_ = false;
}

void Progress::draw(uint64_t done) {
    const double seconds = std::chrono::duration<double>(last_draw_ - start_).count();
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds / 1e6 : 0;
    if (total_ == 0) {
        std::fprintf(stderr, "\r\033[K%s  %.1f M instr  %.0f M instr/s", label_.c_str(),
                     static_cast<double>(done) / 1e6, rate);
        return;
    }
    constexpr int width = 30;
    const double fraction = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const std::string bar(static_cast<size_t>(fraction * width), '#');
    std::fprintf(stderr, "\r\033[K%s [%-*s] %3.0f%%  %.1f of %.1f M instr  %.0f M instr/s", label_.c_str(),
                 width, bar.c_str(), fraction * 100, static_cast<double>(done) / 1e6,
                 static_cast<double>(total_) / 1e6, rate);
}

}  // namespace panda
