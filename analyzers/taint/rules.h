// How taint goes through operations on values of up to 64 bits: for each, the bits of the result that can change when
// tainted bits of the inputs change, and for each byte of the result the labels of the bytes that can change it.
//
// A rule is sound: if any change of tainted input bits changes an output bit, that bit is tainted. It is as precise as
// what is known of the values allows; README.md has the table. `bytes` is the size of the result, 1 to 8; inputs have
// no tainted bits above it unless said.
#pragma once

#include <cstdint>

#include "analyzers/taint/byte_taint.h"
#include "trace/tcg/operations.h"

namespace panda::taint {

class Rules {
  public:
    explicit Rules(Tags& tags) : tags_(tags) {}

    Tags& tags() { return tags_; }

    // --- Logic: bit by bit; a clean bit of one side that decides the result makes it clean ---
    Bits and_(const Operand& a, const Operand& b) const;
    Bits or_(const Operand& a, const Operand& b) const;
    Bits either(const Bits& a, const Bits& b) const;  // xor, eqv, and whatever unites per bit

    // --- Arithmetic ---
    Bits add(const Operand& a, const Operand& b, unsigned bytes) const;
    Bits subtract(const Operand& a, const Operand& b, unsigned bytes) const;
    Bits multiply(const Operand& a, const Operand& b, unsigned bytes) const;
    // a / b or a % b, unsigned.
    Bits divide(const Operand& a, const Operand& b, unsigned bytes, bool remainder) const;
    // Every bit of the result depends on every byte of the inputs; mask: bits that can be set at all.
    Bits mix(Tag tag, unsigned bytes, uint64_t mask = ~uint64_t{0}) const;
    // The labels of all bytes.
    Tag all(const Bits& bits) const;
    Tag all(const Bits& a, const Bits& b) const { return tags_.unite(all(a), all(b)); }

    // --- Bits that move ---
    // To higher places for a positive distance, else to lower ones; what leaves `bytes` is gone. |by| < 64.
    Bits shifted(const Bits& a, int by, unsigned bytes) const;
    // Bits above `width` become copies of bit width - 1 (is_signed) or clean, up to `bytes`.
    Bits extended(const Bits& a, unsigned width, bool is_signed, unsigned bytes) const;
    Bits masked(const Bits& a, uint64_t mask) const;
    // Both: bits that are tainted in either, with the labels that each byte has in either.
    Bits merged(const Bits& a, const Bits& b) const { return joined(a, a.mask, b, b.mask); }
    Bits swapped(const Bits& a, unsigned bytes) const;  // the order of bytes is reversed
    enum class Shift : uint8_t { left, right, arithmetic_right, rotate_left, rotate_right };
    // count: its value is that which TCG takes, below the width.
    Bits shift(Shift kind, const Operand& a, const Operand& count, unsigned bytes) const;

    // --- Decisions ---
    // The labels on which a comparison depends; clean if its result is certain whatever the tainted bits are.
    Tag compare(trace::tcg::Condition condition, const Operand& a, const Operand& b, unsigned bytes) const;
    // One of two, chosen by something with these labels (clean: chosen by the value).
    Bits choose(Tag selector, const Operand& chosen, const Operand& other, unsigned bytes) const;

  private:
    // What of a, in the bits of `from_a`, and of b, in the bits of `from_b`, goes into the same places.
    Bits joined(const Bits& a, uint64_t from_a, const Bits& b, uint64_t from_b) const;
    // carries: the bits into which a carry can come or not.
    Bits sum(const Bits& a, const Bits& b, uint64_t carries, unsigned bytes) const;
    // Each byte depends on itself and all bytes below, from the lowest tainted bit on.
    Bits smeared_up(const Bits& a, const Bits& b, unsigned bytes) const;
    Bits smeared_down(const Bits& a, unsigned bytes) const;
    Bits computed(Bits bits) const;

    Tags& tags_;
};

// Whether a comparison holds. size: bytes of the operands.
bool holds(trace::tcg::Condition condition, uint64_t a, uint64_t b, unsigned bytes);

}  // namespace panda::taint
