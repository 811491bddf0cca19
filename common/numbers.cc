#include "common/numbers.h"

#include <charconv>

#include "common/error.h"

namespace panda {
namespace {

bool is_hexadecimal(std::string_view text) {
    return text.starts_with("0x") || text.starts_with("0X");
}

bool all_digits(std::string_view text) {
    const bool hexadecimal = is_hexadecimal(text);
    const std::string_view digits = text.substr(hexadecimal ? 2 : 0);
    return !digits.empty() &&
           digits.find_first_not_of(hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") == digits.npos;
}

}  // namespace

std::optional<uint64_t> read_magnitude(std::string_view text, uint64_t limit) {
    const bool hexadecimal = is_hexadecimal(text);
    const char* end = text.data() + text.size();
    uint64_t number = 0;
    const auto [last, error] =
        std::from_chars(text.data() + (hexadecimal ? 2 : 0), end, number, hexadecimal ? 16 : 10);
    if (error != std::errc() || last != end || number > limit)
        return std::nullopt;
    return number;
}

std::string number_complaint(std::string_view text, uint64_t limit) {
    return "takes a number" + (all_digits(text) ? " up to " + std::to_string(limit) : std::string()) +
           ", not \"" + std::string(text) + "\"";
}

void throw_not_a_number(const std::string& option, std::string_view text, uint64_t limit) {
    throw UsageError(option + " " + number_complaint(text, limit));
}

NumberRange parse_range(const std::string& option, const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos)
        throw UsageError(option + " takes FROM:TO, not \"" + text + "\"");
    const std::string from = text.substr(0, colon);
    const std::string to = text.substr(colon + 1);
    NumberRange range;
    if (!from.empty())
        range.from = parse_number(option, from);
    if (!to.empty())
        range.to = parse_number(option, to);
    if (range.from >= range.to)
        throw UsageError(option + " takes FROM:TO, and nothing lies between the two of " + text);
    return range;
}

}  // namespace panda
