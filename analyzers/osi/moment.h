// The machine at a snapshot of a trace, for introspection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "osi/provider.h"
#include "trace/reader.h"

namespace panda::analyze_osi {

class Moment {
  public:
    // path: of a trace, "-" for standard input. instr: where one of its snapshots is; nothing = the trace's
    // end. Throws FileError when the trace is damaged, has no snapshot there, or was cut short before its
    // end.
    Moment(const std::string& path, std::optional<uint64_t> instr);
    Moment(const Moment&) = delete;
    Moment& operator=(const Moment&) = delete;

    osi::Point point() const { return {&*memory_, &cpu_}; }
    uint64_t instr() const { return instr_; }
    const std::string& path() const { return path_; }
    // Where the trace has snapshots after this moment; none in a pipe.
    const std::vector<uint64_t>& later() const { return later_; }

  private:
    void seek(trace::TraceReader& reader, std::optional<uint64_t> instr);
    void read_through(trace::TraceReader& reader, std::optional<uint64_t> instr);

    std::optional<trace::GuestMemory> memory_;
    trace::CpuState cpu_;
    uint64_t instr_ = 0;
    std::string path_;
    std::vector<uint64_t> later_;
};

}  // namespace panda::analyze_osi
