#include <algorithm>
#include <set>

#include "common/error.h"
#include "tools/analyze/side_by_side.h"

namespace panda::analyze {
namespace {

// Splits at single separators; two of them stand for one.
std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts(1);
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != separator) {
            parts.back() += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == separator) {
            parts.back() += separator;
            ++i;
        } else {
            parts.emplace_back();
        }
    }
    return parts;
}

const std::set<std::string> yes = {"true", "yes", "on"};
const std::set<std::string> no = {"false", "no", "off"};

void add_argument(const std::string& text, Request& request) {
    const size_t equals = text.find('=');
    std::string name = text.substr(0, equals);
    if (name.empty() || name[0] == '-')
        throw UsageError("--panda: \"" + text + "\" is not an argument of " + request.name);
    std::replace(name.begin(), name.end(), '_', '-');
    const std::string value = equals == std::string::npos ? "true" : text.substr(equals + 1);
    if (yes.contains(value))
        request.arguments.push_back("--" + name);
    else if (!no.contains(value))
        request.arguments.push_back("--" + name + "=" + value);
}

}  // namespace

std::vector<Request> parse_requests(const std::string& text) {
    std::vector<Request> requests;
    for (const std::string& part : split(text, ';')) {
        if (part.empty())
            continue;
        const size_t colon = part.find(':');
        Request request{part.substr(0, colon), {}};
        if (request.name.empty() || request.name.find('/') != std::string::npos)
            throw UsageError("--panda: \"" + part + "\" names no analyzer");
        if (colon != std::string::npos)
            for (const std::string& argument : split(part.substr(colon + 1), ','))
                if (!argument.empty())
                    add_argument(argument, request);
        requests.push_back(std::move(request));
    }
    if (requests.empty())
        throw UsageError("--panda names no analyzer");
    return requests;
}

}  // namespace panda::analyze
