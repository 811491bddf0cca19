// Names of a kernel's functions and variables and their link-time addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace panda::kernelinfo {

class SymbolTable {
  public:
    // The first address that is given for a name stays, because the first one in a kernel's tables is global.
    void add(std::string name, uint64_t address) { addresses_.emplace(std::move(name), address); }

    std::optional<uint64_t> find(std::string_view name) const {
        const auto found = addresses_.find(std::string(name));
        if (found == addresses_.end())
            return std::nullopt;
        return found->second;
    }
    // Also finds a function that the compiler has renamed: "finish_task_switch.isra.0" for
    // "finish_task_switch".
    std::optional<uint64_t> find_function(std::string_view name) const;

    // Adds `distance` (modulo 2^64) to every address from `from` on.
    void move(uint64_t from, uint64_t distance) {
        for (auto& [name, address] : addresses_)
            if (address >= from)
                address += distance;
    }

    size_t size() const { return addresses_.size(); }

  private:
    std::unordered_map<std::string, uint64_t> addresses_;
};

// Reads the text of a System.map file (lines of "address type name", hexadecimal). Throws an Error that names
// the first line that is not one, also for the one-line file that Debian puts in place of the real one.
SymbolTable parse_system_map(std::string_view text);

}  // namespace panda::kernelinfo
