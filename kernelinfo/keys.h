// The one table of keys: how each is called in a kernelinfo.conf, where its value is kept, and where it comes
// from.
#pragma once

#include <array>
#include <span>

#include "kernelinfo/kernel_info.h"

namespace panda::kernelinfo {

// Where a value is taken from. The kernels differ, so a key has up to three places; the first that exists
// counts.
struct Origin {
    enum class Kind {
        none,
        symbol,           // address of variable `a`
        function,         // address of function `a`, whatever suffix the compiler gave it
        symbol_member,    // address of variable `a`, plus the place of member `c` in struct `b`
        struct_size,      // size of struct `a`
        member,           // place of member `b` in struct `a`
        member_size,      // size of member `b` of struct `a`
        member_distance,  // place of member `c` less the place of member `b` of struct `a`
        constant_zero,
    };
    Kind kind = Kind::none;
    const char* a = nullptr;
    const char* b = nullptr;
    const char* c = nullptr;
};

struct Key {
    const char* name;
    Field field;
    std::array<Origin, 3> origins;

    bool is_address() const { return field.index() == 0; }
};

// All keys but `name`, in the order in which a group is written.
std::span<const Key> keys();

// The key of that name, also under a name of older versions; null when there is none.
const Key* find_key(const char* name);

}  // namespace panda::kernelinfo
