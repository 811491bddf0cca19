// Writes calls as entries of a pandalog (pandalog.capnp).
#pragma once

#include "analyzers/pandalog/pandalog_file.h"
#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// Entries are in the order of the calls' returns.
class PandalogWriter final : public CallSink {
  public:
    // file: must outlive this object. Its owner finishes it.
    explicit PandalogWriter(pandalog::PandalogFile& file) : file_(file) {}

    // Throws FileError when the file cannot be written.
    void end(const Call& call, const Return& result, const CallText& text) override;

  private:
    pandalog::PandalogFile& file_;
};

}  // namespace panda::syscalls
