// JSON as programs write it: one object per line. Link panda_json.
//
// A guest's texts can be any bytes, but JSON holds only UTF-8: what is not UTF-8 becomes U+FFFD, here and
// nowhere else. Files that make objects include common/json_value.h, in the .cc file only, because it is
// large.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace panda {

// Keeps the order in which members were added.
using Json = nlohmann::ordered_json;

// On one line, without a newline at the end; or on many lines, indented by `indent` blanks.
std::string json_text(const Json& value, int indent = -1);

// Writes json_text() and a newline.
void write_json_line(std::ostream& out, const Json& value);

}  // namespace panda
