// Just enough JSON to print one object.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace panda::recording {

// `text` between quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

// Prints members of nested objects as they come, with commas and indentation. Objects are closed in reverse
// order.
class JsonObject {
  public:
    // Opens the outermost object.
    explicit JsonObject(std::ostream& out);
    // Opens a member of `parent` that is an object; nothing may be added to `parent` while it is open.
    JsonObject(JsonObject& parent, std::string_view name);
    // Closes it.
    ~JsonObject();
    JsonObject(const JsonObject&) = delete;
    JsonObject& operator=(const JsonObject&) = delete;

    void add(std::string_view name, std::string_view text) { begin(name) << json_string(text); }
    void add(std::string_view name, uint64_t number) { begin(name) << number; }
    void add(std::string_view name, double number) { begin(name) << number; }
    void add_flag(std::string_view name, bool value) { begin(name) << (value ? "true" : "false"); }

  private:
    std::ostream& begin(std::string_view name);

    std::ostream& out_;
    int depth_;
    bool empty_ = true;
};

}  // namespace panda::recording
