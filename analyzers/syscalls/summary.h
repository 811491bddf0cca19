// Counts how often each call was made, as strace -c does.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

class Summary final : public CallSink {
  public:
    struct Row {
        uint64_t calls = 0;
        uint64_t errors = 0;
        uint64_t instructions = 0;  // of the whole machine, from entry to return, for calls that returned
    };

    void end(const Call& call, const Return& result, const CallText& text) override;

    const std::map<std::string, Row>& rows() const { return rows_; }
    // Writes a table by descending instructions, with a total.
    void write_table(std::ostream& out) const;
    // {"kind": "syscall_summary", "call", "calls", "errors", "instructions"}, in the same order.
    void write_json(std::ostream& out) const;

  private:
    std::map<std::string, Row> rows_;
};

}  // namespace panda::syscalls
