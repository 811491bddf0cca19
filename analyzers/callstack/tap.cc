#include "analyzers/callstack/tap.h"

#include <array>

#include "common/error.h"
#include "common/numbers.h"

namespace panda::callstack {
namespace {

constexpr size_t max_taps = 1 << 20;

// Takes the next word off a line.
std::string_view next_word(std::string_view& line) {
    constexpr std::string_view blanks = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

// A hexadecimal number, with or without 0x.
bool read_hexadecimal(std::string_view word, uint64_t& number) {
    const bool prefixed = word.starts_with("0x") || word.starts_with("0X");
    const auto found = read_number<uint64_t>(prefixed ? std::string(word) : "0x" + std::string(word));
    number = found.value_or(0);
    return found.has_value();
}

}  // namespace

Tap tap_of(const ShadowStacks& stacks, uint64_t pc, uint64_t asid) {
    const Frame* const frame = stacks.innermost();
    return {frame == nullptr ? 0 : frame->return_address, pc, stacks.in_user() ? asid : 0};
}

std::vector<Tap> parse_taps(std::string_view text, const std::string& name) {
    std::vector<Tap> taps;
    for (size_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        std::array<std::string_view, 4> words;
        for (std::string_view& word : words)
            word = next_word(line);
        if (words[0].empty())
            continue;
        Tap tap;
        if (!words[3].empty() || !read_hexadecimal(words[0], tap.caller) ||
            !read_hexadecimal(words[1], tap.pc) || !read_hexadecimal(words[2], tap.asid))
            throw FileError(name, "line " + std::to_string(number),
                            "is not a tap: three hexadecimal numbers, caller pc asid");
        if (taps.size() == max_taps)
            throw FileError(name, "has more than " + std::to_string(max_taps) + " taps");
        taps.push_back(tap);
    }
    return taps;
}

}  // namespace panda::callstack
