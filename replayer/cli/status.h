// What the replay engine says on its status descriptor while it runs: lines of
//   progress INSTR TOTAL
//   done INSTR
//   error MESSAGE
// `done` or `error` is the last line. An engine that dies says neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace panda::replay {

// What the engine has said so far.
class StatusReader {
  public:
    // Takes what was read from the descriptor, in pieces of any size. Throws Error on a line of any other
    // kind.
    void feed(std::string_view bytes);

    uint64_t instr() const { return instr_; }
    uint64_t total() const { return total_; }
    // Set once the replay has come to its end.
    bool done() const { return done_; }
    // Set once the replay has failed: a plain sentence.
    const std::optional<std::string>& error() const { return error_; }

  private:
    void take_line(std::string_view line);

    std::string rest_;
    uint64_t instr_ = 0;
    uint64_t total_ = 0;
    bool done_ = false;
    std::optional<std::string> error_;
};

}  // namespace panda::replay
