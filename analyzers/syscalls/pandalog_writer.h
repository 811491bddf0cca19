// Calls as entries of a pandalog (pandalog.capnp).
#pragma once

#include <memory>
#include <string>

#include "analyzers/syscalls/report.h"
#include "common/file.h"

namespace panda::syscalls {

// In the order of the calls' returns.
class PandalogWriter final : public CallSink {
  public:
    // Throws FileError when the file cannot be created; an existing one is overwritten.
    explicit PandalogWriter(const std::string& path) : file_(path, IfExists::overwrite) {}

    // Throws FileError when it cannot be written.
    void end(const Call& call, const Return& result, const CallText& text) override;
    void finish() override;

  private:
    void flush();

    OutputFile file_;
    Bytes buffer_;
};

}  // namespace panda::syscalls
