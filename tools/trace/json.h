// One JSON object on one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace panda::trace_tool {

// `text` in quotes, escaped. Bytes that are not UTF-8 pass through.
std::string json_quote(std::string_view text);

// Builds an object member by member.
class JsonObject {
  public:
    JsonObject& add(std::string_view name, uint64_t value) { return add_raw(name, std::to_string(value)); }
    JsonObject& add(std::string_view name, uint32_t value) { return add(name, uint64_t{value}); }
    JsonObject& add(std::string_view name, bool value) { return add_raw(name, value ? "true" : "false"); }
    JsonObject& add(std::string_view name, double value);
    JsonObject& add(std::string_view name, std::string_view value) {
        return add_raw(name, json_quote(value));
    }
    JsonObject& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
    // An address, as a text in hexadecimal: JSON's numbers do not hold 64 bits everywhere.
    JsonObject& add_address(std::string_view name, uint64_t value);
    // json: a value that is JSON already.
    JsonObject& add_raw(std::string_view name, std::string_view json);

    std::string text() const { return "{" + members_ + "}"; }

  private:
    std::string members_;
};

}  // namespace panda::trace_tool
