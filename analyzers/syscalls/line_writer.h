// Writes calls as lines of text, as strace -f -o FILE does.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// A call whose task gives way to another before it returns is written in two parts:
//     read(3,  <unfinished ...>
//     <... read resumed>"…", 10) = 5
class LineWriter final : public CallSink {
  public:
    // out: must outlive this. with_instr: each line starts with the instr.
    LineWriter(std::ostream& out, bool with_instr) : out_(out), with_instr_(with_instr) {}

    void begin(const Call& call, const CallText& text) override;
    void end(const Call& call, const Return& result, const CallText& text) override;
    void signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) override;
    void ended(const Task& task, uint32_t code, uint64_t instr) override;
    void finish() override;

  private:
    void end_line();
    std::string prefix(const Task& task, uint64_t instr) const;

    std::ostream& out_;
    bool with_instr_;
    // The last line, if it has not ended: the call, and what the line has so far.
    const Call* open_ = nullptr;
    std::string line_;
};

}  // namespace panda::syscalls
