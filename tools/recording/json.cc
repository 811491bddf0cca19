#include "tools/recording/json.h"

#include <glib.h>

#include <cstdio>
#include <memory>

namespace panda::recording {

std::string json_string(std::string_view text) {
    const std::unique_ptr<char, decltype(&g_free)> valid(
        g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())), g_free);
    std::string result = "\"";
    for (const char c : std::string_view(valid.get())) {
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
            result += escape;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

JsonObject::JsonObject(std::ostream& out) : out_(out), depth_(1) {
    out_ << "{";
}

JsonObject::JsonObject(JsonObject& parent, std::string_view name)
    : out_(parent.out_), depth_(parent.depth_ + 1) {
    parent.begin(name) << "{";
}

JsonObject::~JsonObject() {
    if (!empty_)
        out_ << "\n" << std::string(static_cast<size_t>(depth_ - 1) * 2, ' ');
    out_ << "}";
    if (depth_ == 1)
        out_ << "\n";
}

std::ostream& JsonObject::begin(std::string_view name) {
    out_ << (empty_ ? "\n" : ",\n") << std::string(static_cast<size_t>(depth_) * 2, ' ') << json_string(name)
         << ": ";
    empty_ = false;
    return out_;
}

}  // namespace panda::recording
