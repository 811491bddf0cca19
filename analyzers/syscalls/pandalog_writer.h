// Writes calls as entries of a pandalog (pandalog.capnp).
#pragma once

#include <string>

#include "analyzers/pandalog/pandalog_file.h"
#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// Entries are in the order of the calls' returns.
class PandalogWriter final : public CallSink {
  public:
    // Throws FileError when the file cannot be created. Overwrites an existing file.
    explicit PandalogWriter(const std::string& path) : file_(path) {}

    // Throws FileError when the file cannot be written.
    void end(const Call& call, const Return& result, const CallText& text) override;
    void finish() override { file_.finish(); }

  private:
    pandalog::PandalogFile file_;
};

}  // namespace panda::syscalls
