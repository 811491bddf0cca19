// The analyzers of --panda, which read the trace while it is made.
#pragma once

#include <sys/types.h>

#include <string>

#include "recorder/cli/process.h"
#include "replayer/cli/options.h"

namespace panda::replay {

// What panda-analyze says that the analyzers need of a trace. Throws UsageError when it does not know them.
struct Needs {
    std::string columns;
    bool registers = false;
};
Needs needs_of(const Options& options);

// panda-analyze --panda, which reads a pipe. It is killed if it still runs when this ends.
class AnalyzerRun {
  public:
    // Throws Error when it cannot be started.
    explicit AnalyzerRun(const Options& options);
    ~AnalyzerRun();
    AnalyzerRun(const AnalyzerRun&) = delete;
    AnalyzerRun& operator=(const AnalyzerRun&) = delete;

    // Where the trace is written.
    int input() const { return input_.get(); }
    // The trace is over, as soon as nobody else has the input.
    void close_input() { input_.reset(); }
    // Waits, and returns its exit status.
    int wait();

  private:
    launch::Descriptor input_;
    pid_t pid_ = -1;
};

}  // namespace panda::replay
