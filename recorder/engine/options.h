// Options of an engine: what follows its file in `-panda FILE,name=value,…`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace panda::engine {

class Options {
  public:
    // Text: "name=value,name=value"; two commas stand for one in a value, as everywhere in QEMU; a name alone
    // is "on".
    explicit Options(const std::string& text);

    // Removes and returns the value; `fallback` when the option was not given.
    std::string take(const std::string& name, const std::string& fallback = "");
    // False when it was not given. Throws UsageError unless it is "on" or "off".
    bool take_flag(const std::string& name);
    // Throws UsageError unless it is a whole number.
    uint64_t take_number(const std::string& name, uint64_t fallback);
    // Throws UsageError when an option is left that nobody took.
    void expect_empty() const;

  private:
    std::map<std::string, std::string> values_;
};

}  // namespace panda::engine
