// What the replay tells its parent, line by line over a pipe:
//   progress INSTR TOTAL     at most ten times a second
//   done INSTR               it went well, to here
//   error SENTENCE           it did not
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace panda::engine {

class Status {
  public:
    // descriptor: where lines go, or -1 for nowhere.
    explicit Status(int descriptor) : descriptor_(descriptor) {}

    void progress(uint64_t instr, uint64_t total);
    void done(uint64_t instr);
    void error(const std::string& sentence);

  private:
    void line(const std::string& text);

    int descriptor_;
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace panda::engine
