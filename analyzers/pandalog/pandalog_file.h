// A file of pandalog entries (pandalog.capnp).
#pragma once

#include <capnp/message.h>

#include <string>

#include "common/bytes.h"
#include "common/file.h"

namespace panda::pandalog {

class PandalogFile {
  public:
    // Throws FileError when the file cannot be created; an existing one is overwritten.
    explicit PandalogFile(const std::string& path) : file_(path, IfExists::overwrite) {}

    // Appends an entry, the message's root. Throws FileError when the file cannot be written.
    void write(capnp::MessageBuilder& entry);
    // To be called at the end: what is not written yet is. Throws FileError when it cannot be.
    void finish();

  private:
    void flush();

    OutputFile file_;
    Bytes buffer_;
};

}  // namespace panda::pandalog
