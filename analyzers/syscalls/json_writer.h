// Writes calls as JSON, one object per line.
#pragma once

#include <iosfwd>

#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// {"kind": "syscall", "instr": entry, "return_instr": …, "pc": "0x…", "pid", "tid", "name", "abi": "x86_64",
// "call": "openat", "number", "arguments": [texts as strace writes them], "registers": ["0x…"], "result":
// text, "value": number, "error": "ENOENT"}. A call without a return has "ending": "gone" or "unfinished",
// and neither value nor return_instr. Calls are in the order of their returns.
class JsonWriter final : public CallSink {
  public:
    explicit JsonWriter(std::ostream& out) : out_(out) {}  // out: must outlive this
    void signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) override;
    void ended(const Task& task, uint32_t code, uint64_t instr) override;
    void superseded(const Task& leader, const Call& call, uint64_t instr) override;
    void end(const Call& call, const Return& result, const CallText& text) override;

  private:
    std::ostream& out_;
};

}  // namespace panda::syscalls
