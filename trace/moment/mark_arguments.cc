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

constexpr std::array<std::string_view, 8> options = {"--from", "--to",       "--at",    "--before",
                                                     "--next", "--previous", "--range", "--instr"};

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

// Empty if there is none.
std::string last_file(const std::vector<std::string>& arguments) {
    const auto is_file = [](const std::string& word) {
        std::error_code error;
        return std::filesystem::is_regular_file(word, error);
    };
    const auto found = std::find_if(arguments.rbegin(), arguments.rend(), is_file);
    return found == arguments.rend() ? std::string() : *found;
}

}  // namespace

std::vector<std::string> resolve_marks(std::vector<std::string> arguments) {
    Resolver resolver(last_file(arguments));
    for (size_t i = 0; i < arguments.size(); ++i) {
        std::string& argument = arguments[i];
        const size_t equals = argument.find('=');
        const auto is_option = [&](std::string_view name) {
            return std::ranges::find(options, name) != options.end();
        };
        if (equals != std::string::npos && is_option(std::string_view(argument).substr(0, equals)))
            argument = argument.substr(0, equals + 1) + resolver.resolve(argument.substr(equals + 1));
        else if (i + 1 < arguments.size() && is_option(argument))
            arguments[i + 1] = resolver.resolve(arguments[i + 1]), ++i;
    }
    return arguments;
}

std::string resolve_range(const std::string& text, const std::string& trace) {
    return Resolver(trace).resolve(text);
}

}  // namespace panda::trace
