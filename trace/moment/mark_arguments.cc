#include "trace/moment/mark_arguments.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>

#include "common/error.h"
#include "common/numbers.h"
#include "trace/moment/marks.h"

namespace panda::trace {
namespace {

constexpr std::array<std::string_view, 7> options = {"--from", "--to",       "--at",   "--before",
                                                     "--next", "--previous", "--range"};

class Resolver {
  public:
    explicit Resolver(std::string path) : path_(std::move(path)) {}

    // A moment, or two with a colon between them.
    std::string resolve(const std::string& text) {
        const size_t colon = text.find(':');
        if (colon == std::string::npos)
            return one(text);
        return one(text.substr(0, colon)) + ":" + one(text.substr(colon + 1));
    }

  private:
    std::string one(const std::string& text) {
        if (text.empty() || text == "end" || read_number(text))
            return text;
        try {
            std::error_code error;
            if (!reader_ && std::filesystem::is_regular_file(path_, error))
                reader_.emplace(path_);
            const auto instr = reader_ ? find_mark(*reader_, text) : std::nullopt;
            return instr ? std::to_string(*instr) : text;
        } catch (const Error&) {
            return text;  // whoever opens the trace says what is wrong with it
        }
    }

    std::string path_;
    std::optional<TraceReader> reader_;
};

// Digits, letters and what names of marks have, around one colon; not a path.
bool is_range(const std::string& word) {
    return !word.starts_with('-') && std::ranges::count(word, ':') == 1 &&
           word.find('/') == std::string::npos;
}

}  // namespace

std::vector<std::string> resolve_marks(std::vector<std::string> arguments) {
    if (arguments.size() < 2)
        return arguments;
    Resolver resolver(arguments.back());
    for (size_t i = 0; i + 1 < arguments.size(); ++i) {
        std::string& argument = arguments[i];
        const size_t equals = argument.find('=');
        const auto is_option = [&](std::string_view name) {
            return std::ranges::find(options, name) != options.end();
        };
        if (equals != std::string::npos && is_option(std::string_view(argument).substr(0, equals)))
            argument = argument.substr(0, equals + 1) + resolver.resolve(argument.substr(equals + 1));
        else if (i + 2 < arguments.size() && is_option(argument))
            arguments[i + 1] = resolver.resolve(arguments[i + 1]), ++i;
        else if (is_range(argument))
            argument = resolver.resolve(argument);
    }
    return arguments;
}

}  // namespace panda::trace
