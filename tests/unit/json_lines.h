// What programs write with --json, read back.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "common/json_value.h"

namespace panda::tests {

// A name as a guest may have it, which is not UTF-8, and what JSON has in its place.
inline const std::string broken_name =
    "a\xff"
    "b";
inline const std::string mended_name =
    "a\xef\xbf\xbd"
    "b";

// An object for each line. Throws nlohmann::json::parse_error for a line that is not JSON, or not UTF-8.
inline std::vector<nlohmann::json> parse_lines(const std::string& text) {
    std::vector<nlohmann::json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(nlohmann::json::parse(line));
    return lines;
}

}  // namespace panda::tests
