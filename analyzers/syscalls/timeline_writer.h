// Calls as slices of a timeline that ui.perfetto.dev and chrome://tracing open.
#pragma once

#include <map>
#include <string>

#include "analyzers/shared/timeline_file.h"
#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// A thousand instructions are a microsecond of the timeline; each task is a thread, each call a slice from
// its entry to its return.
class TimelineWriter final : public CallSink {
  public:
    // Throws FileError when the file cannot be created; an existing one is overwritten.
    explicit TimelineWriter(const std::string& path) : file_(path) {}

    // Both throw FileError when the file cannot be written.
    void end(const Call& call, const Return& result, const CallText& text) override;
    void finish() override { file_.finish(); }

  private:
    void name_task(const Task& task);

    analyzers::TimelineFile file_;
    std::map<int64_t, std::string> names_;  // of tasks, as the timeline has them
};

}  // namespace panda::syscalls
