// A file of pandalog entries (pandalog.capnp).
#pragma once

#include <capnp/message.h>

#include <string>

#include "common/bytes.h"
#include "common/file.h"

namespace panda::pandalog {

class PandalogFile {
  public:
    // Throws FileError when the file cannot be created. Overwrites an existing file.
    explicit PandalogFile(const std::string& path) : file_(path, IfExists::overwrite) {}

    // Appends an entry, which is the message's root. Throws FileError when the file cannot be written.
    void write(capnp::MessageBuilder& entry);
    // Writes what is not written yet. Call it at the end. Throws FileError when the file cannot be written.
    void finish();

  private:
    void flush();

    OutputFile file_;
    Bytes buffer_;
};

}  // namespace panda::pandalog
