// Names by address: the symbols of one ELF file, or of a kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace panda::osi {

class SymbolIndex {
  public:
    // Which of several symbols at one address gives the name: the lowest rank, and of those the first.
    enum Rank : uint8_t { global = 0, weak = 1, local = 2 };

    // Adds a symbol. size: bytes; 0: not known, it reaches to the next symbol. Costs the name's length and 24 bytes.
    void add(uint64_t address, uint64_t size, std::string_view name, Rank rank);
    // Sorts. Call it after the last add(), before find().
    void finish();

    struct Hit {
        uint64_t start = 0;     // of the symbol
        std::string_view name;  // as in the file, not demangled; valid while this lives
    };
    // The symbol that has the address; nothing if it is before all symbols or behind the end of a sized one. Takes
    // a binary search.
    std::optional<Hit> find(uint64_t address) const;
    // The address of the first symbol of that name. Looks at all symbols.
    std::optional<uint64_t> address_of(std::string_view name) const;

    size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        uint64_t address;
        uint64_t size;
        uint32_t name;  // place in names_
        Rank rank;
    };
    std::string_view name_of(const Entry& entry) const { return names_.data() + entry.name; }

    std::vector<Entry> entries_;  // by address, then rank
    std::string names_;           // each with a final zero
};

}  // namespace panda::osi
