// The commands of panda-recording.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "common/file.h"

namespace panda::recording {

// Prints what is in the recording, as text or as one JSON object. Throws FileError.
void print_info(const std::string& path, bool json, std::ostream& out);

// Reads all of the recording and checks its checksums, its memory, every entry, and that its numbers agree.
// Prints one line when it is whole. Throws FileError when it is damaged or was cut short.
void verify(const std::string& path, bool quiet, std::ostream& out);

struct CutOptions {
    std::string output;
    uint64_t from = 0;                // instr
    std::optional<uint64_t> to = {};  // nothing: to the end
    std::string command = {};         // a process's name: from its first exec to its exit
    std::string qemu = {};            // empty: the default
    bool force = false;
    bool quiet = false;
};
// Writes a part of the recording as a recording of its own, which takes a replay up to the part's end. Throws Error when
// the replay fails, or when no process of that name is executed.
void cut(const std::string& path, CutOptions options);

// Writes a recording that goes through `first` and then through `second`, which must begin where the first one ends.
// Throws FileError when it does not, as far as memory and maps tell, or when one of them is not whole.
void join(const std::string& first, const std::string& second, const std::string& output, IfExists if_exists);

}  // namespace panda::recording
