// JSON as programs write it: an object a line. Link panda_json.
//
// A guest's texts are any bytes, and JSON holds only UTF-8: what is not UTF-8 becomes U+FFFD, here and
// nowhere else. Who makes objects includes <nlohmann/json.hpp> in the .cc file: it is large, so headers do
// without.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace panda {

// Keeps the order in which members were added.
using Json = nlohmann::ordered_json;

// On one line, without its end; or on many lines, indented by so many blanks.
std::string json_text(const Json& value, int indent = -1);

// json_text() and a new line.
void write_json_line(std::ostream& out, const Json& value);

}  // namespace panda
