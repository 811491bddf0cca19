// The options of an engine: the text after its file in `-panda FILE,name=value,…`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace panda::engine {

class Options {
  public:
    // text: "name=value,name=value". Two commas stand for one in a value, as everywhere in QEMU. A name
    // without a value is "on".
    explicit Options(const std::string& text);

    // Removes an option and returns its value, or `fallback` when the option was not given.
    std::string take(const std::string& name, const std::string& fallback = "");
    // The same for "on" (true) and "off" (false, also when it was not given). Throws UsageError for other
    // values.
    bool take_flag(const std::string& name);
    // The same for a number. Throws UsageError when the value is not a whole number.
    uint64_t take_number(const std::string& name, uint64_t fallback);
    // Throws UsageError when an option is left, because the engine does not know it.
    void expect_empty() const;

  private:
    std::map<std::string, std::string> values_;
};

}  // namespace panda::engine
