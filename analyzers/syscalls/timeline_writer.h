// Calls as slices of a timeline that ui.perfetto.dev and chrome://tracing open.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "analyzers/syscalls/report.h"
#include "common/file.h"

namespace panda::syscalls {

// Chrome's JSON trace events, gzip-compressed when the path ends in .gz. A thousand instructions are a
// microsecond of the timeline; each task is a thread, each call a slice from its entry to its return.
class TimelineWriter final : public CallSink {
  public:
    // Throws FileError when the file cannot be created; an existing one is overwritten.
    explicit TimelineWriter(const std::string& path);
    ~TimelineWriter() override;
    TimelineWriter(const TimelineWriter&) = delete;
    TimelineWriter& operator=(const TimelineWriter&) = delete;

    // Both throw FileError when the file cannot be written.
    void end(const Call& call, const Return& result, const CallText& text) override;
    void finish() override;

  private:
    void add(const std::string& event);
    void name_task(const Task& task);
    void flush(bool last);

    class Deflater;
    std::string path_;
    OutputFile file_;
    std::unique_ptr<Deflater> deflater_;  // null: not compressed
    std::string buffer_;
    std::map<int64_t, std::string> names_;  // of tasks, as the timeline has them
    bool first_ = true;
};

}  // namespace panda::syscalls
