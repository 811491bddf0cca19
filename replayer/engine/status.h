// What the replay tells its parent, line by line over a pipe:
//   progress INSTR TOTAL     at most ten times a second
//   done INSTR               the replay went well, up to this instr
//   error SENTENCE           the replay failed
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace panda::engine {

class Status {
  public:
    // descriptor: where the lines are written; with -1 they are not written.
    explicit Status(int descriptor) : descriptor_(descriptor) {}

    // Each of these writes its line. progress() leaves out lines that come too soon after the one before.
    // Errors of writing are ignored.
    void progress(uint64_t instr, uint64_t total);
    void done(uint64_t instr);
    void error(const std::string& sentence);

  private:
    void line(const std::string& text);

    int descriptor_;
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace panda::engine
