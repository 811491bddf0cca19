// Numbers as people write them on command lines and in settings files: decimal, or hexadecimal after 0x.
// There are no octal numbers: 010 is ten.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace panda {

// The number that the text is: digits, or 0x and hexadecimal digits, without a sign, blanks or anything after
// it. Nothing if the text is anything else, or the number is above `limit`.
std::optional<uint64_t> read_magnitude(std::string_view text, uint64_t limit);

// The same for any type; numbers of a signed type may have a minus.
template <std::integral T = uint64_t>
std::optional<T> read_number(std::string_view text) {
    const bool negative = std::signed_integral<T> && text.starts_with('-');
    const auto largest = static_cast<uint64_t>(std::numeric_limits<T>::max());
    const auto magnitude = read_magnitude(text.substr(negative ? 1 : 0), negative ? largest + 1 : largest);
    if (!magnitude)
        return std::nullopt;
    return static_cast<T>(negative ? -*magnitude : *magnitude);
}

// Says what is wrong with a text that is not a number of at most `limit`: "takes a number, not …", to be put
// after the name of an option.
std::string number_complaint(std::string_view text, uint64_t limit);

[[noreturn]] void throw_not_a_number(const std::string& option, std::string_view text, uint64_t limit);

// The number that `text` is. Throws a UsageError that names the option ("--from") and the text otherwise.
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

// Reads FROM:TO; either number may be missing. Throws a UsageError that names the option when the text is
// anything else, or when the range is empty.
NumberRange parse_range(const std::string& option, const std::string& text);

}  // namespace panda
