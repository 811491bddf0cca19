#include "analyzers/strings/pattern_set.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/hex.h"

namespace panda::strings {
namespace {

int digit_of(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    const char lower = static_cast<char>(character | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// "de:ad:be:ef"; empty for anything else.
std::string parse_bytes(std::string_view line) {
    std::string bytes;
    while (!line.empty()) {
        if (line.size() < 2 || digit_of(line[0]) < 0 || digit_of(line[1]) < 0)
            return {};
        bytes += static_cast<char>(digit_of(line[0]) * 16 + digit_of(line[1]));
        line.remove_prefix(2);
        if (line.empty())
            return bytes;
        if (line.front() != ':')
            return {};
        line.remove_prefix(1);
    }
    return {};  // a colon at the end
}

}  // namespace

PatternSet::PatternSet(std::vector<std::string> strings)
    : strings_(std::move(strings)), same_(strings_.size(), none) {
    if (strings_.empty())
        throw Error("there is no string to search for");
    size_t bytes = 0;
    for (const std::string& string : strings_) {
        if (string.empty())
            throw Error("an empty string cannot be searched for");
        bytes += string.size();
        if (bytes > max_bytes)
            throw Error("the strings have more than " + std::to_string(max_bytes) + " bytes");
    }
    table_.emplace_back();
    string_at_.push_back(none);
    for (uint32_t string = 0; string < strings_.size(); ++string)
        insert(string);
    connect();
}

void PatternSet::insert(uint32_t string) {
    uint32_t state = 0;
    first_[static_cast<uint8_t>(strings_[string].front())] = 1;
    for (const char character : strings_[string]) {
        const auto byte = static_cast<uint8_t>(character);
        if (table_[state][byte] == 0) {
            table_[state][byte] = static_cast<uint32_t>(table_.size());
            table_.emplace_back();
            string_at_.push_back(none);
        }
        state = table_[state][byte];
    }
    same_[string] = std::exchange(string_at_[state], string);
}

// Makes a complete automaton of the tree, breadth first.
void PatternSet::connect() {
    shorter_.assign(table_.size(), 0);
    std::vector<bool> ending(table_.size());
    std::vector<uint32_t> order;
    for (const uint32_t child : table_[0])
        if (child != 0)
            order.push_back(child);
    for (size_t i = 0; i < order.size(); ++i) {
        const uint32_t state = order[i];
        const uint32_t shorter = shorter_[state];
        ending[state] = string_at_[state] != none || ending[shorter];
        for (size_t byte = 0; byte < 256; ++byte) {
            uint32_t& child = table_[state][byte];
            if (child != 0) {
                shorter_[child] = table_[shorter][byte];
                order.push_back(child);
            } else {
                child = table_[shorter][byte];
            }
        }
    }
    for (auto& row : table_)
        for (uint32_t& child : row)
            child |= ending[child] ? ends : 0;
}

std::vector<std::string> parse_strings(std::string_view text, const std::string& name) {
    std::vector<std::string> strings;
    for (size_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.empty())
            continue;
        std::string string;
        if (line.front() == '"')
            string = line.size() > 2 && line.back() == '"' ? line.substr(1, line.size() - 2) : "";
        else
            string = parse_bytes(line);
        if (string.empty())
            throw FileError(name, "line " + std::to_string(number),
                            "is not a string: \"text\", or bytes as de:ad:be:ef");
        strings.push_back(std::move(string));
    }
    return strings;
}

std::string string_text(const std::string& string) {
    const bool printable =
        std::all_of(string.begin(), string.end(), [](char one) { return one >= 0x20 && one < 0x7f; });
    if (printable)
        return '"' + string + '"';
    std::string text;
    for (const char character : string)
        text += (text.empty() ? "" : ":") + hex_digits(static_cast<uint8_t>(character), 2);
    return text;
}

}  // namespace panda::strings
