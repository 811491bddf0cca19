// Numbers as people write them, on command lines and in files of settings: decimal, or hexadecimal after 0x.
// Octal numbers do not exist: 010 is ten.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace panda {

// Nothing unless all of the text is a number of at most `limit`: digits, or 0x and hexadecimal digits; no
// sign, no blanks, nothing behind it.
std::optional<uint64_t> read_magnitude(std::string_view text, uint64_t limit);

// The same for any type; a minus may stand before numbers of a signed type.
template <std::integral T = uint64_t>
std::optional<T> read_number(std::string_view text) {
    const bool negative = std::signed_integral<T> && text.starts_with('-');
    const auto largest = static_cast<uint64_t>(std::numeric_limits<T>::max());
    const auto magnitude = read_magnitude(text.substr(negative ? 1 : 0), negative ? largest + 1 : largest);
    if (!magnitude)
        return std::nullopt;
    return static_cast<T>(negative ? -*magnitude : *magnitude);
}

// What is wrong with a text that is not a number of at most `limit`, to follow an option's name: "takes a
// number, not …".
std::string number_complaint(std::string_view text, uint64_t limit);

[[noreturn]] void throw_not_a_number(const std::string& option, std::string_view text, uint64_t limit);

// The number that `text` is. Throws UsageError, which names the option ("--from") and the text.
template <std::integral T = uint64_t>
T parse_number(const std::string& option, std::string_view text) {
    if (const auto number = read_number<T>(text))
        return *number;
    throw_not_a_number(option, text, static_cast<uint64_t>(std::numeric_limits<T>::max()));
}

// [from, to).
struct NumberRange {
    uint64_t from = 0;
    uint64_t to = ~uint64_t{0};
};

// FROM:TO, of which either may be missing. Throws UsageError, which names the option, when the text is
// anything else, and when nothing lies between the two.
NumberRange parse_range(const std::string& option, const std::string& text);

}  // namespace panda
