#include "replayer/engine/status.h"

#include <unistd.h>

#include <algorithm>

namespace panda::engine {

void Status::progress(uint64_t instr, uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(100))
        return;
    last_ = now;
    line("progress " + std::to_string(instr) + " " + std::to_string(total));
}

void Status::done(uint64_t instr) {
    line("done " + std::to_string(instr));
}

void Status::error(const std::string& sentence) {
    std::string flat = sentence;
    std::replace(flat.begin(), flat.end(), '\n', ' ');
    line("error " + flat);
}

// Lines are shorter than PIPE_BUF, so that one write is whole. If the parent is gone, the replay goes on.
void Status::line(const std::string& text) {
    if (descriptor_ < 0)
        return;
    const std::string with_end = text + "\n";
    if (::write(descriptor_, with_end.data(), with_end.size()) < 0)
        descriptor_ = -1;
}

}  // namespace panda::engine
