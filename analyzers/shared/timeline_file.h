// Writes timelines for ui.perfetto.dev and chrome://tracing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/file.h"
#include "common/json.h"

namespace panda::analyzers {

// Where a moment is on a timeline, in microseconds: each stands for a thousand instructions.
inline double timeline_time(uint64_t instr) {
    return static_cast<double>(instr) / 1000;
}

// A file of Chrome's JSON trace events ("Trace Event Format"), gzip-compressed if the path ends in .gz.
class TimelineFile {
  public:
    using Event = Json;

    // Throws FileError when the file cannot be created. Overwrites an existing file.
    explicit TimelineFile(const std::string& path);
    ~TimelineFile();
    TimelineFile(const TimelineFile&) = delete;
    TimelineFile& operator=(const TimelineFile&) = delete;

    // All throw FileError when the file cannot be written.
    void add(const Event& event);
    void name_process(int64_t pid, const std::string& name);
    void name_thread(int64_t pid, int64_t tid, const std::string& name);
    // Completes the file. Call it at the end.
    void finish();

  private:
    void flush(bool last);

    class Deflater;
    OutputFile file_;
    std::unique_ptr<Deflater> deflater_;  // null: not compressed
    std::string buffer_;
    bool first_ = true;
};

}  // namespace panda::analyzers
