#include "replayer/cli/status.h"

#include "common/error.h"
#include "common/numbers.h"

namespace panda::replay {
namespace {

constexpr size_t line_limit = 65536;

// Takes a number off the front of `text`. A space or the end must follow it.
uint64_t take_number(std::string_view& text, std::string_view line) {
    const size_t length = std::min(text.find(' '), text.size());
    const auto number = read_number(text.substr(0, length));
    if (!number)
        throw Error("the replay engine said: " + std::string(line.substr(0, 80)));
    text.remove_prefix(std::min(text.size(), length + 1));
    return *number;
}

bool take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word))
        return false;
    text.remove_prefix(word.size());
    return true;
}

}  // namespace

void StatusReader::feed(std::string_view bytes) {
    rest_ += bytes;
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
        take_line(std::string_view(rest_).substr(begin, end - begin));
    rest_.erase(0, begin);
    if (rest_.size() > line_limit)
        throw Error("the replay engine sent a line without an end");
}

void StatusReader::take_line(std::string_view line) {
    std::string_view text = line;
    if (take_word(text, "progress ")) {
        instr_ = take_number(text, line);
        total_ = take_number(text, line);
    } else if (take_word(text, "done ")) {
        instr_ = take_number(text, line);
        done_ = true;
    } else if (take_word(text, "error ")) {
        error_ = std::string(text);
    } else {
        throw Error("the replay engine said: " + std::string(line.substr(0, 80)));
    }
}

}  // namespace panda::replay
