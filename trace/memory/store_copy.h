// Copies what a store writes. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace panda::trace {

// size: bytes, mostly a power of 2 up to 16. For these the copy is a load and a store. If gcc does not know
// the size, it turns a memcpy into a `rep movs`, which takes longer than everything else about a store.
inline void copy_store(std::byte* to, const std::byte* from, uint32_t size) {
    switch (size) {
        case 8:
            std::memcpy(to, from, 8);
            break;
        case 4:
            std::memcpy(to, from, 4);
            break;
        case 1:
            std::memcpy(to, from, 1);
            break;
        case 2:
            std::memcpy(to, from, 2);
            break;
        case 16:
            std::memcpy(to, from, 16);
            break;
        default:
            std::memmove(to, from, size);  // a call
    }
}

}  // namespace panda::trace
