// Numbers and bytes in hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace panda {

// "0x1f": at least `digits` digits, with leading zeros.
std::string hex(uint64_t value, unsigned digits = 1);

// The same without 0x.
std::string hex_digits(uint64_t value, unsigned digits = 1);

// Two digits for each byte.
std::string hex_bytes(std::span<const std::byte> bytes);

}  // namespace panda
