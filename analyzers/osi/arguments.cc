#include "analyzers/osi/arguments.h"

#include <string_view>

#include "common/error.h"
#include "common/numbers.h"

namespace panda::analyze_osi {
namespace {

bool is_pid(const std::string& text) {
    return text == "all" || read_number<uint32_t>(text).has_value();
}

}  // namespace

std::vector<std::string> plain_arguments(std::vector<std::string> arguments) {
    constexpr std::pair<std::string_view, std::string_view> spellings[] = {{"--kconf_file", "--kconf"},
                                                                           {"--conf", "--kconf"},
                                                                           {"--kconf_group", "--kconf-group"},
                                                                           {"--group", "--kconf-group"},
                                                                           {"--load_now", "--load-now"}};
    for (size_t i = 0; i < arguments.size(); ++i) {
        std::string& argument = arguments[i];
        const std::string name = argument.substr(0, argument.find('='));
        for (const auto& [old_name, new_name] : spellings)
            if (name == old_name)
                argument.replace(0, name.size(), new_name);
        if ((argument == "--maps" || argument == "--files" || argument == "--sockets") &&
            (i + 1 == arguments.size() || !is_pid(arguments[i + 1])))
            argument += "=all";
    }
    return arguments;
}

std::optional<int64_t> parse_pid(const std::string& option, const std::string& text) {
    if (!is_pid(text))
        throw UsageError(option + " takes \"all\" or a process id, not \"" + text + "\"");
    return read_number<uint32_t>(text);
}

}  // namespace panda::analyze_osi
