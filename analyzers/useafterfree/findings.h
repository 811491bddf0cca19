// What is wrong with a program's use of its heap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "analyzers/useafterfree/heap.h"
#include "osi/symbols/place.h"

namespace panda::useafterfree {

enum class Problem : uint8_t { read_after_free, write_after_free, double_free, invalid_free, leak };

// "read-after-free" and so on.
const char* name_of(Problem problem);

// A place in a stack, with its name if it has one.
struct NamedPlace {
    uint64_t address = 0;
    std::optional<osi::Place> name = {};
};
using NamedStack = std::vector<NamedPlace>;

struct Finding {
    Problem problem = Problem::leak;
    int64_t pid = 0;
    std::string process = {};
    uint64_t asid = 0;
    uint64_t instr = 0;   // of the first time
    uint64_t times = 1;   // or of a leak: how many blocks
    uint64_t bytes = 0;   // of an access, or of all blocks of a leak
    bool kernel = false;  // the kernel accesses it for the program
    uint64_t address = 0;
    std::optional<Block> block = {};  // nothing for an invalid free
    NamedStack place = {};            // where it happens, innermost first; of a leak empty
    NamedStack allocated = {};
    NamedStack freed = {};
};

// Stacks by number. Equal ones have the same number.
class StackTable {
  public:
    using Stack = std::vector<uint64_t>;  // addresses, innermost first
    uint32_t number(Stack stack) {
        const auto [entry, fresh] =
            numbers_.try_emplace(std::move(stack), static_cast<uint32_t>(stacks_.size()));
        if (fresh)
            stacks_.push_back(&entry->first);
        return entry->second;
    }
    const Stack& operator[](uint32_t number) const { return *stacks_[number]; }

  private:
    std::map<Stack, uint32_t> numbers_;
    std::vector<const Stack*> stacks_;
};

}  // namespace panda::useafterfree
