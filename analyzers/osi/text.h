// Addresses as text.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

namespace panda::analyze_osi {

// "0x…", at least `digits` digits.
inline std::string hexadecimal(uint64_t value, int digits = 1) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%0*" PRIx64, digits, value);
    return text;
}

}  // namespace panda::analyze_osi
