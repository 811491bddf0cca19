// What shadow says of a byte: its tag, and which of its bits are tainted.
#pragma once

#include <array>
#include <cstdint>

#include "analyzers/taint/label_sets.h"

namespace panda::taint {

// tag << 8 | mask. It is 0 exactly if the byte is clean: no bit without a label, no label without a bit.
using ByteTaint = uint32_t;

constexpr ByteTaint byte_taint(Tag tag, uint32_t mask) {
    return tag == clean || (mask & 0xff) == 0 ? 0 : tag << 8 | (mask & 0xff);
}
constexpr Tag tag_of(ByteTaint taint) {
    return taint >> 8;
}
constexpr uint32_t mask_of(ByteTaint taint) {
    return taint & 0xff;
}

// Up to 8 bytes, as the rules work on them: the mask as one number, bit i of the value is bit i of the mask. A byte
// without tainted bits has tag 0.
struct Bits {
    uint64_t mask = 0;
    std::array<Tag, 8> tags{};

    bool any() const { return mask != 0; }
    uint32_t byte_mask(unsigned i) const { return static_cast<uint32_t>(mask >> (8 * i) & 0xff); }
    bool operator==(const Bits&) const = default;
};

// The lowest bits of a number.
constexpr uint64_t low_bits(unsigned count) {
    return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

inline Bits load_bits(const ByteTaint* bytes, unsigned size) {
    Bits bits;
    for (unsigned i = 0; i < size; ++i) {
        bits.mask |= uint64_t{mask_of(bytes[i])} << (8 * i);
        bits.tags[i] = tag_of(bytes[i]);
    }
    return bits;
}
inline void store_bits(const Bits& bits, ByteTaint* bytes, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
        bytes[i] = byte_taint(bits.tags[i], bits.byte_mask(i));
}

// An input of an operation: its shadow, and its value where that is known. The value includes tainted bits.
struct Operand {
    Bits bits;
    uint64_t value = 0;
    bool known = false;
};

}  // namespace panda::taint
