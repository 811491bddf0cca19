// Which functions hand out memory and take it back, and where their arguments are.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace panda::useafterfree {

// A function of an allocator. Arguments are numbered from 1; 0: it has no such argument.
struct Allocator {
    uint8_t size = 0;    // how many bytes
    uint8_t count = 0;   // of how many elements
    uint8_t old = 0;     // a block that is given back, or moved
    uint8_t result = 0;  // where the address is stored; 0: the function returns it

    bool hands_out() const { return size != 0; }
    bool operator==(const Allocator&) const = default;
};

// What a function was called with, by Allocator's numbers less 1.
using Arguments = std::array<uint64_t, 3>;

// The allocator's functions by name and by address.
class Allocators {
  public:
    // The C library's, by name.
    void add_libc();
    // One that the command line names: NAME or 0xADDRESS, then `defaults`' arguments if given, each behind a colon:
    // "pool_get:2" has its size in the second argument. option: for errors. Throws UsageError.
    enum class Kind : uint8_t { alloc, free, realloc };
    void add(Kind kind, const std::string& text, const std::string& option);

    // Null if it is none of them. name: demangled; a parameter list behind it does not count.
    const Allocator* find(std::string_view name) const;
    const Allocator* find(uint64_t address) const;
    bool has_names() const { return !by_name_.empty(); }
    bool empty() const { return by_name_.empty() && by_address_.empty(); }

  private:
    std::map<std::string, Allocator, std::less<>> by_name_;
    std::map<uint64_t, Allocator> by_address_;
};

// How many bytes a call asks for; the greatest number if count times size does not fit.
uint64_t bytes_of(const Allocator& allocator, const Arguments& arguments);

}  // namespace panda::useafterfree
