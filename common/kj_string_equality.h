// Clang 16 and newer take C++20's rules for operator== and find no way to compare a `const char*` with a kj::StringPtr
// in the headers of Cap'n Proto before 1.0, which do so. This is the operator that they lack; CMakeLists.txt includes it
// before all else where both are met.
#pragma once

#include <kj/string.h>

namespace kj {

inline bool operator==(const char* a, const StringPtr& b) {
    return b == StringPtr(a);
}

}  // namespace kj
