#include "tools/trace/json.h"

#include <cinttypes>
#include <cstdio>

namespace panda::trace_tool {

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') {
            out += '\\';
            out += character;
        } else if (static_cast<unsigned char>(character) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(character));
            out += escape;
        } else {
            out += character;
        }
    }
    return out + "\"";
}

JsonObject& JsonObject::add(std::string_view name, double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", value);
    return add_raw(name, text);
}

JsonObject& JsonObject::add_address(std::string_view name, uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof(text), "\"0x%" PRIx64 "\"", value);
    return add_raw(name, text);
}

JsonObject& JsonObject::add_raw(std::string_view name, std::string_view json) {
    if (!members_.empty())
        members_ += ',';
    members_ += json_quote(name);
    members_ += ':';
    members_ += json;
    return *this;
}

}  // namespace panda::trace_tool
