// Makes a guest's addresses and texts readable.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

namespace panda::analyze_osi {

// "0x…", with at least `digits` digits.
inline std::string hexadecimal(uint64_t value, int digits = 1) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%0*" PRIx64, digits, value);
    return text;
}

// A guest's text, which may be any bytes, made fit for a terminal: printable UTF-8 stays as it is, and every
// other byte, and the backslash, becomes \ooo in octal, as in /proc/PID/maps.
std::string printable(const std::string& text);
// The same as one word: in single quotes, as a shell takes them, if it is empty or has anything but letters,
// digits and the signs that are common in file names.
std::string quoted(const std::string& text);

}  // namespace panda::analyze_osi
