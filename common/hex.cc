#include "common/hex.h"

#include <charconv>

namespace panda {

std::string hex(uint64_t value, unsigned digits) {
    return "0x" + hex_digits(value, digits);
}

std::string hex_digits(uint64_t value, unsigned digits) {
    char text[16];
    const auto length = static_cast<size_t>(std::to_chars(text, text + sizeof text, value, 16).ptr - text);
    return (length < digits ? std::string(digits - length, '0') : std::string()).append(text, length);
}

std::string hex_bytes(std::span<const std::byte> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

}  // namespace panda
