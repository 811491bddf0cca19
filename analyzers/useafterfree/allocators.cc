#include "analyzers/useafterfree/allocators.h"

#include "common/error.h"
#include "common/numbers.h"

namespace panda::useafterfree {
namespace {

struct Known {
    const char* name;
    Allocator allocator;
};

// glibc's and musl's <stdlib.h> and <malloc.h>. C++'s operator new and delete call them.
constexpr Known libc[] = {
    {"malloc", {.size = 1}},
    {"calloc", {.size = 2, .count = 1}},
    {"realloc", {.size = 2, .old = 1}},
    {"reallocarray", {.size = 3, .count = 2, .old = 1}},
    {"memalign", {.size = 2}},
    {"aligned_alloc", {.size = 2}},
    {"posix_memalign", {.size = 3, .result = 1}},
    {"valloc", {.size = 1}},
    {"pvalloc", {.size = 1}},
    {"free", {.old = 1}},
    {"cfree", {.old = 1}},
};

}  // namespace

void Allocators::add_libc() {
    for (const Known& known : libc) {
        by_name_[known.name] = known.allocator;
        // glibc's other names for the same addresses (malloc/malloc.c).
        by_name_[std::string("__libc_") + known.name] = known.allocator;
        by_name_[std::string("__") + known.name] = known.allocator;
    }
}

void Allocators::add(Kind kind, const std::string& text, const std::string& option) {
    std::vector<std::string> parts(1);
    for (const char letter : text)
        letter == ':' ? static_cast<void>(parts.emplace_back()) : parts.back().push_back(letter);
    // C++ names have two colons between their parts.
    for (size_t at = 1; at + 1 < parts.size();)
        if (parts[at].empty()) {
            parts[at - 1] += "::" + parts[at + 1];
            parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at),
                        parts.begin() + static_cast<std::ptrdiff_t>(at) + 2);
        } else {
            ++at;
        }
    const auto refuse = [&] {
        throw UsageError(option +
                         " is NAME or ADDRESS, with numbers of arguments from 1 to 3 behind colons: \"" +
                         text + "\"");
    };
    Allocator allocator = kind == Kind::alloc  ? Allocator{.size = 1}
                          : kind == Kind::free ? Allocator{.old = 1}
                                               : Allocator{.size = 2, .old = 1};
    std::vector<uint8_t*> fields;
    if (kind != Kind::alloc)
        fields.push_back(&allocator.old);
    if (kind != Kind::free)
        fields.push_back(&allocator.size);
    if (parts[0].empty() || parts.size() > fields.size() + 1)
        refuse();
    for (size_t at = 1; at < parts.size(); ++at) {
        if (parts[at].size() != 1 || parts[at][0] < '1' || parts[at][0] > '3')
            refuse();
        *fields[at - 1] = static_cast<uint8_t>(parts[at][0] - '0');
    }
    if (!parts[0].starts_with("0x")) {
        by_name_[parts[0]] = allocator;
        return;
    }
    const auto address = read_number(parts[0]);
    if (!address)
        refuse();
    by_address_[*address] = allocator;
}

const Allocator* Allocators::find(std::string_view name) const {
    auto found = by_name_.find(name);
    if (found == by_name_.end())
        found = by_name_.find(name.substr(0, name.find('(')));
    return found == by_name_.end() ? nullptr : &found->second;
}

const Allocator* Allocators::find(uint64_t address) const {
    const auto found = by_address_.find(address);
    return found == by_address_.end() ? nullptr : &found->second;
}

uint64_t bytes_of(const Allocator& allocator, const Arguments& arguments) {
    const uint64_t size = allocator.size == 0 ? 0 : arguments[allocator.size - 1u];
    const uint64_t count = allocator.count == 0 ? 1 : arguments[allocator.count - 1u];
    uint64_t bytes = 0;
    return __builtin_mul_overflow(size, count, &bytes) ? ~uint64_t{0} : bytes;
}

}  // namespace panda::useafterfree
