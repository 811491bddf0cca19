// The one table of keys: the name of each in a kernelinfo.conf, where its value is kept, and where it comes
// from.
#pragma once

#include <array>
#include <span>

#include "kernelinfo/kernel_info.h"

namespace panda::kernelinfo {

// Where a value is taken from. Kernels differ, so a key has up to three places; the first that exists counts.
struct Origin {
    enum class Kind {
        none,
        symbol,           // address of variable `a`
        function,         // address of function `a`, whatever suffix the compiler has given it
        symbol_member,    // address of variable `a`, plus the place of member `c` in struct `b`
        struct_size,      // size of struct `a`
        member,           // place of member `b` in struct `a`
        member_size,      // size of member `b` of struct `a`
        member_distance,  // place of member `c` minus the place of member `b` in struct `a`
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

// All keys except `name`, in the order in which a group is written.
std::span<const Key> keys();

// The key with that name, or with that name in older versions; null if there is none.
const Key* find_key(const char* name);

}  // namespace panda::kernelinfo
