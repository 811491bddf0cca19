// Makes a guest's texts readable.
#pragma once

#include <string>

namespace panda::analyze_osi {

// A guest's text, which may be any bytes, made fit for a terminal: printable UTF-8 stays as it is, and every
// other byte, and the backslash, becomes \ooo in octal, as in /proc/PID/maps.
std::string printable(const std::string& text);
// The same as one word: in single quotes, as a shell takes them, if it is empty or has anything but letters,
// digits and the signs that are common in file names.
std::string quoted(const std::string& text);

}  // namespace panda::analyze_osi
