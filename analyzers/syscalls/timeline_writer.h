// Writes calls as slices of a timeline for ui.perfetto.dev and chrome://tracing.
#pragma once

#include <map>
#include <string>

#include "analyzers/shared/timeline_file.h"
#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// A thousand instructions are a microsecond of the timeline. Each task is a thread, each call is a slice from
// its entry to its return, and each signal and each end of a task is an instant.
class TimelineWriter final : public CallSink {
  public:
    // Throws FileError when the file cannot be created. Overwrites an existing file.
    explicit TimelineWriter(const std::string& path) : file_(path) {}

    // All throw FileError when the file cannot be written.
    void end(const Call& call, const Return& result, const CallText& text) override;
    void signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) override;
    void ended(const Task& task, uint32_t code, uint64_t instr) override;
    void finish() override { file_.finish(); }

  private:
    void name_task(const Task& task);
    void add_instant(const Task& task, uint64_t instr, const std::string& name, const std::string& info);

    analyzers::TimelineFile file_;
    std::map<int64_t, std::string> names_;  // of tasks, as the timeline shows them
};

}  // namespace panda::syscalls
