// A file of pandalog entries (pandalog.capnp).
#pragma once

#include <capnp/message.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "common/bytes.h"
#include "common/file.h"

namespace panda::pandalog {

// A name and a value of a fact (struct Fact in pandalog.capnp).
using FactValue = std::pair<const char*, std::variant<uint64_t, int64_t, std::string>>;

class PandalogFile {
  public:
    // Throws FileError when the file cannot be created. Overwrites an existing file.
    explicit PandalogFile(const std::string& path) : file_(path, IfExists::overwrite) {}

    // Appends an entry, which is the message's root. Throws FileError when the file cannot be written.
    void write(capnp::MessageBuilder& entry);
    // Appends an entry of an analyzer that has no kind of its own in the schema. pc: 0 where it says nothing. Throws
    // as write() does.
    void write_fact(uint64_t instr, uint64_t pc, const char* analyzer,
                    std::initializer_list<FactValue> values) {
        write_fact(instr, pc, analyzer, std::span(values.begin(), values.size()));
    }
    void write_fact(uint64_t instr, uint64_t pc, const char* analyzer, std::span<const FactValue> values);
    // Writes what is not written yet. Call it at the end. Throws FileError when the file cannot be written.
    void finish();

  private:
    void flush();

    OutputFile file_;
    Bytes buffer_;
};

}  // namespace panda::pandalog
