// The commands of panda-recording.
#pragma once

#include <ostream>
#include <string>

namespace panda::recording {

// Prints what is in the recording, as text or as one JSON object. Throws FileError.
void print_info(const std::string& path, bool json, std::ostream& out);

// Reads all of the recording and checks its checksums, its memory, every entry, and that its numbers agree.
// Prints one line when it is whole. Throws FileError when it is damaged or was cut short.
void verify(const std::string& path, bool quiet, std::ostream& out);

}  // namespace panda::recording
