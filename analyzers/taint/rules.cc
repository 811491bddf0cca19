#include "analyzers/taint/rules.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace panda::taint {

using trace::tcg::Condition;

namespace {

// The lowest set bit and all above it.
constexpr uint64_t upwards(uint64_t bits) {
    return bits | (0 - bits);
}
// The highest set bit and all below it.
constexpr uint64_t downwards(uint64_t bits) {
    return bits == 0 ? 0 : low_bits(64 - static_cast<unsigned>(std::countl_zero(bits)));
}

int64_t sign_extended(uint64_t value, unsigned bytes) {
    const unsigned unused = 64 - 8 * bytes;
    return static_cast<int64_t>(value << unused) >> unused;
}

bool clean_and_known(const Operand& operand) {
    return operand.known && !operand.bits.any();
}

}  // namespace

Bits Rules::computed(Bits bits) const {
    for (Tag& tag : bits.tags)
        tag = tags_.computed(tag);
    return bits;
}

Tag Rules::all(const Bits& bits) const {
    Tag tag = clean;
    for (const Tag one : bits.tags)
        tag = tags_.unite(tag, one);
    return tag;
}

Bits Rules::mix(Tag tag, unsigned bytes, uint64_t mask) const {
    Bits result;
    if (tag == clean)
        return result;
    tag = tags_.computed(tag);
    result.mask = mask & low_bits(8 * bytes);
    for (unsigned i = 0; i < bytes; ++i)
        if (result.byte_mask(i) != 0)
            result.tags[i] = tag;
    return result;
}

Bits Rules::joined(const Bits& a, uint64_t from_a, const Bits& b, uint64_t from_b) const {
    Bits result;
    result.mask = from_a | from_b;
    for (unsigned i = 0; i < 8; ++i) {
        if ((from_a >> (8 * i) & 0xff) != 0)
            result.tags[i] = a.tags[i];
        if ((from_b >> (8 * i) & 0xff) != 0)
            result.tags[i] = tags_.unite(result.tags[i], b.tags[i]);
    }
    return result;
}

Bits Rules::either(const Bits& a, const Bits& b) const {
    return computed(joined(a, a.mask, b, b.mask));
}

Bits Rules::and_(const Operand& a, const Operand& b) const {
    const uint64_t from_a = b.known ? a.bits.mask & (b.value | b.bits.mask) : a.bits.mask;
    const uint64_t from_b = a.known ? b.bits.mask & (a.value | a.bits.mask) : b.bits.mask;
    return computed(joined(a.bits, from_a, b.bits, from_b));
}

Bits Rules::or_(const Operand& a, const Operand& b) const {
    const uint64_t from_a = b.known ? a.bits.mask & (~b.value | b.bits.mask) : a.bits.mask;
    const uint64_t from_b = a.known ? b.bits.mask & (~a.value | a.bits.mask) : b.bits.mask;
    return computed(joined(a.bits, from_a, b.bits, from_b));
}

Bits Rules::sum(const Bits& a, const Bits& b, uint64_t carries, unsigned bytes) const {
    Bits result;
    result.mask = (a.mask | b.mask | carries) & low_bits(8 * bytes);
    Tag below = clean;
    for (unsigned i = 0; i < bytes; ++i) {
        const Tag own = tags_.unite(a.tags[i], b.tags[i]);
        below = (carries >> (8 * i) & 1) != 0 ? tags_.unite(own, below) : own;
        if (result.byte_mask(i) != 0)
            result.tags[i] = below;
    }
    return computed(result);
}

// The carry into a bit is larger, or the same, with larger inputs. So it is certain if the smallest and the largest
// values that the tainted bits allow have the same one.
Bits Rules::add(const Operand& a, const Operand& b, unsigned bytes) const {
    uint64_t carries = upwards(a.bits.mask | b.bits.mask) << 1;
    if (a.known && b.known) {
        const uint64_t low_a = a.value & ~a.bits.mask;
        const uint64_t low_b = b.value & ~b.bits.mask;
        const uint64_t high_a = a.value | a.bits.mask;
        const uint64_t high_b = b.value | b.bits.mask;
        carries = ((low_a + low_b) ^ low_a ^ low_b) ^ ((high_a + high_b) ^ high_a ^ high_b);
    }
    return sum(a.bits, b.bits, carries, bytes);
}

Bits Rules::subtract(const Operand& a, const Operand& b, unsigned bytes) const {
    uint64_t borrows = upwards(a.bits.mask | b.bits.mask) << 1;
    if (a.known && b.known) {
        const uint64_t low_a = a.value & ~a.bits.mask;
        const uint64_t low_b = b.value & ~b.bits.mask;
        const uint64_t high_a = a.value | a.bits.mask;
        const uint64_t high_b = b.value | b.bits.mask;
        borrows = ((low_a - high_b) ^ low_a ^ high_b) ^ ((high_a - low_b) ^ high_a ^ low_b);
    }
    return sum(a.bits, b.bits, borrows, bytes);
}

Bits Rules::smeared_up(const Bits& a, const Bits& b, unsigned bytes) const {
    return sum(a, b, upwards(a.mask | b.mask), bytes);
}

Bits Rules::smeared_down(const Bits& a, unsigned bytes) const {
    Bits result;
    result.mask = downwards(a.mask);
    Tag above = clean;
    for (unsigned i = bytes; i-- > 0;) {
        above = tags_.unite(above, a.tags[i]);
        if (result.byte_mask(i) != 0)
            result.tags[i] = above;
    }
    return computed(result);
}

Bits Rules::multiply(const Operand& a, const Operand& b, unsigned bytes) const {
    if (clean_and_known(a))
        return clean_and_known(b) ? Bits{} : multiply(b, a, bytes);
    if (!clean_and_known(b))
        return smeared_up(a.bits, b.bits, bytes);
    const uint64_t factor = b.value & low_bits(8 * bytes);
    if (factor == 0)
        return {};
    const int zeros = std::countr_zero(factor);
    const Bits moved = shifted(a.bits, zeros, bytes);
    return std::has_single_bit(factor) ? computed(moved) : smeared_up(moved, {}, bytes);
}

Bits Rules::divide(const Operand& a, const Operand& b, unsigned bytes, bool remainder) const {
    if (clean_and_known(b) && std::has_single_bit(b.value)) {
        const int bits = std::countr_zero(b.value);
        return computed(remainder ? masked(a.bits, b.value - 1) : shifted(a.bits, -bits, bytes));
    }
    if (clean_and_known(a) && a.value == 0)
        return {};
    return mix(all(a.bits, b.bits), bytes);
}

Bits Rules::shifted(const Bits& a, int by, unsigned bytes) const {
    Bits result;
    for (unsigned i = 0; i < 8; ++i) {
        const uint64_t own = a.mask & (uint64_t{0xff} << (8 * i));
        const uint64_t moved = (by >= 0 ? own << by : own >> -by) & low_bits(8 * bytes);
        result.mask |= moved;
        for (unsigned to = 0; to < bytes && moved >> (8 * to) != 0; ++to)
            if ((moved >> (8 * to) & 0xff) != 0)
                result.tags[to] = tags_.unite(result.tags[to], a.tags[i]);
    }
    return result;
}

Bits Rules::masked(const Bits& a, uint64_t mask) const {
    return joined(a, a.mask & mask, {}, 0);
}

Bits Rules::extended(const Bits& a, unsigned width, bool is_signed, unsigned bytes) const {
    Bits result = masked(a, low_bits(width));
    if (!is_signed || (a.mask >> (width - 1) & 1) == 0)
        return result;
    const Tag sign = a.tags[(width - 1) / 8];
    const uint64_t copies = low_bits(8 * bytes) & ~low_bits(width);
    result.mask |= copies;
    for (unsigned i = (width - 1) / 8; i < bytes; ++i)
        if ((copies >> (8 * i) & 0xff) != 0)
            result.tags[i] = tags_.unite(result.tags[i], sign);
    return result;
}

Bits Rules::swapped(const Bits& a, unsigned bytes) const {
    Bits result;
    for (unsigned i = 0; i < bytes; ++i) {
        result.mask |= uint64_t{a.byte_mask(i)} << (8 * (bytes - 1 - i));
        result.tags[bytes - 1 - i] = a.tags[i];
    }
    return result;
}

Bits Rules::shift(Shift kind, const Operand& a, const Operand& count, unsigned bytes) const {
    const unsigned width = 8 * bytes;
    if (clean_and_known(count)) {
        const auto by = static_cast<int>(count.value % width);
        const auto rest = static_cast<int>(width) - by;
        switch (kind) {
            case Shift::left:
                return shifted(a.bits, by, bytes);
            case Shift::right:
                return shifted(a.bits, -by, bytes);
            case Shift::arithmetic_right:
                return extended(shifted(a.bits, -by, bytes), static_cast<unsigned>(rest), true, bytes);
            case Shift::rotate_left:
            case Shift::rotate_right: {
                if (by == 0)
                    return a.bits;
                const int up = kind == Shift::rotate_left ? by : rest;
                const Bits left = shifted(a.bits, up, bytes);
                const Bits right = shifted(a.bits, up - static_cast<int>(width), bytes);
                return joined(left, left.mask, right, right.mask);
            }
        }
    }
    if (clean_and_known(a) && a.value == 0)
        return {};
    if (count.bits.any())
        return mix(all(a.bits, count.bits), bytes);
    if (kind == Shift::left)
        return smeared_up(a.bits, {}, bytes);
    if (kind == Shift::right)
        return smeared_down(a.bits, bytes);
    if (kind == Shift::arithmetic_right && (a.bits.mask >> (width - 1) & 1) == 0)
        return smeared_down(a.bits, bytes);
    return mix(all(a.bits), bytes);
}

bool holds(Condition condition, uint64_t a, uint64_t b, unsigned bytes) {
    a &= low_bits(8 * bytes);
    b &= low_bits(8 * bytes);
    const int64_t signed_a = sign_extended(a, bytes);
    const int64_t signed_b = sign_extended(b, bytes);
    switch (condition) {
        case Condition::never:
            return false;
        case Condition::always:
            return true;
        case Condition::lt:
            return signed_a < signed_b;
        case Condition::ge:
            return signed_a >= signed_b;
        case Condition::gt:
            return signed_a > signed_b;
        case Condition::le:
            return signed_a <= signed_b;
        case Condition::eq:
            return a == b;
        case Condition::ne:
            return a != b;
        case Condition::ltu:
            return a < b;
        case Condition::geu:
            return a >= b;
        case Condition::tsteq:
            return (a & b) == 0;
        case Condition::tstne:
            return (a & b) != 0;
        case Condition::gtu:
            return a > b;
        case Condition::leu:
            return a <= b;
    }
    return false;
}

namespace {

// The smallest and largest values that the tainted bits allow.
template <typename Number>
struct Range {
    Number low, high;
};
Range<uint64_t> unsigned_range(const Operand& a, unsigned bytes) {
    const uint64_t width = low_bits(8 * bytes);
    return {a.value & ~a.bits.mask & width, (a.value | a.bits.mask) & width};
}
Range<int64_t> signed_range(const Operand& a, unsigned bytes) {
    const uint64_t sign = uint64_t{1} << (8 * bytes - 1) & a.bits.mask;
    return {sign_extended((a.value & ~a.bits.mask) | sign, bytes),
            sign_extended((a.value | a.bits.mask) & ~sign, bytes)};
}
// Whether "a < b" has one answer.
template <typename Number>
bool certain_less(const Range<Number>& a, const Range<Number>& b) {
    return a.high < b.low || a.low >= b.high;
}

bool certain(Condition condition, const Operand& a, const Operand& b, unsigned bytes) {
    const uint64_t width = low_bits(8 * bytes);
    switch (condition) {
        case Condition::never:
        case Condition::always:
            return true;
        case Condition::eq:
        case Condition::ne:
            return ((a.value ^ b.value) & ~(a.bits.mask | b.bits.mask) & width) != 0;
        case Condition::tsteq:
        case Condition::tstne: {
            // A bit that is set in both, whatever happens; or none that can be.
            const uint64_t surely = a.value & ~a.bits.mask & b.value & ~b.bits.mask & width;
            const uint64_t possibly = (a.value | a.bits.mask) & (b.value | b.bits.mask) & width;
            return surely != 0 || possibly == 0;
        }
        case Condition::lt:
        case Condition::ge:
            return certain_less(signed_range(a, bytes), signed_range(b, bytes));
        case Condition::gt:
        case Condition::le:
            return certain_less(signed_range(b, bytes), signed_range(a, bytes));
        case Condition::ltu:
        case Condition::geu:
            return certain_less(unsigned_range(a, bytes), unsigned_range(b, bytes));
        case Condition::gtu:
        case Condition::leu:
            return certain_less(unsigned_range(b, bytes), unsigned_range(a, bytes));
    }
    return false;
}

}  // namespace

Tag Rules::compare(Condition condition, const Operand& a, const Operand& b, unsigned bytes) const {
    if (!a.bits.any() && !b.bits.any())
        return clean;
    if (a.known && b.known && certain(condition, a, b, bytes))
        return clean;
    // Bits that a clean zero of the other side hides do not count.
    if (condition == Condition::tsteq || condition == Condition::tstne)
        return tags_.computed(all(and_(a, b)));
    // The sign alone decides a comparison with a clean 0.
    if ((condition == Condition::lt || condition == Condition::ge) && clean_and_known(b) && b.value == 0)
        return (a.bits.mask >> (8 * bytes - 1) & 1) != 0 ? tags_.computed(a.bits.tags[bytes - 1]) : clean;
    return tags_.computed(all(a.bits, b.bits));
}

Bits Rules::choose(Tag selector, const Operand& chosen, const Operand& other, unsigned bytes) const {
    if (selector == clean)
        return chosen.bits;
    const uint64_t width = low_bits(8 * bytes);
    const uint64_t differ = (chosen.known && other.known ? chosen.value ^ other.value : ~uint64_t{0}) & width;
    const Bits arms = joined(chosen.bits, chosen.bits.mask, other.bits, other.bits.mask);
    const Bits selected = mix(selector, bytes, differ | arms.mask);
    return joined(arms, arms.mask, selected, selected.mask);
}

}  // namespace panda::taint
