// The coding of a column of 64-bit values such as port reads, clock reads and device registers.
//
// One kind of input mixes a few sources: status registers that repeat a handful of values, and clocks that
// grow with time. Neither the encoder nor the decoder knows which read has which source. So a small table
// keeps values seen before, by hash, and eight slots follow one clock each. A value that is not in the table
// is coded against the slot that predicts it best. A clock settles in one slot, whatever is read between its
// reads. What a clock will have gained is predicted from what it gained before over the same number of
// instructions (a loop has few distances), or otherwise from its rate per instruction.
//
// Before that, values are made small: a column whose values differ by multiples of some unit becomes counts
// of that unit (the time stamp counter of many processors goes in steps of 20 to 40), and a constant column
// becomes zeros.
//
// A value becomes a token, and perhaps more:
//   0x00-0xdf     the value itself
//   0xe0          residual = value; it replaces the slot that has been unused for longest
//   0xe1          a value in the table: its index is a byte in a column of its own
//   0xf0 + slot   residual = zigzag(value - prediction of the slot)
// A residual below 0xc0 is a byte in the column of symbols. A larger one, of w bits, is the symbol 0xbf + w,
// and the w - 1 bits below its topmost bit, packed. The symbols are for zstd's entropy coder; the packed bits
// are noise.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "common/bytes.h"

namespace panda::recording {

class BitWriter {
  public:
    // Appends the low `count` bits of `bits`, lowest first. count: 0 to 64; higher bits of `bits` must be
    // zero.
    void put(uint64_t bits, unsigned count) {
        if (count == 0)
            return;
        held_ |= bits << used_;
        if (used_ + count < 64) {
            used_ += count;
            return;
        }
        bytes_.put(held_);
        held_ = used_ == 0 ? 0 : bits >> (64 - used_);
        used_ = used_ + count - 64;
    }
    // Pads to whole bytes. Nothing may be added after this call.
    std::span<const std::byte> finish() {
        for (; used_ > 0; used_ -= std::min(used_, 8u), held_ >>= 8)
            bytes_.put(static_cast<uint8_t>(held_));
        return bytes_.bytes();
    }

  private:
    ByteWriter bytes_;
    uint64_t held_ = 0;
    unsigned used_ = 0;  // bits of held_, below 64
};

class BitReader {
  public:
    explicit BitReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
    // The next `count` bits, 0 to 64. Throws Error at the end.
    uint64_t get(unsigned count);
    // Whether only the padding of the last byte is left.
    bool at_end() const { return bytes_.at_end() && left_ < 8; }

  private:
    ByteReader bytes_;
    uint64_t held_ = 0;
    unsigned left_ = 0;  // bits of held_
};

// What both encoder and decoder know. Both go through the same steps.
class ValueHistory {
  public:
    static constexpr unsigned slots = 8;

    // Where in the table of seen values a value is, if it is there at all.
    static uint8_t index_of(uint64_t value) {
        return static_cast<uint8_t>((value * 0x9e3779b97f4a7c15) >> 56);
    }
    uint64_t seen(uint8_t index) const { return seen_[index]; }
    // Slots come into use in order.
    bool in_use(unsigned slot) const { return slots_[slot].used != 0; }
    // What the slot's clock should show at instruction `instr`.
    uint64_t predict(unsigned slot, uint64_t instr) const;
    // A value was coded by its difference from a slot, or by itself; the slot has this value now.
    void moved(unsigned slot, uint64_t value, uint64_t instr);
    void entered(uint64_t value, uint64_t instr);

  private:
    struct Slot {
        uint64_t value = 0;
        uint64_t instr = 0;    // when it had this value
        int64_t rate = 0;      // change per instruction, 48.16 fixed point
        unsigned damping = 4;  // the rate moves by 2^-damping of itself
        bool rising = false;   // whether the rate rose the last time
        uint64_t used = 0;     // to choose the slot that has been unused for longest
    };
    // What a slot lately gained over a certain number of instructions.
    struct Habit {
        uint64_t key = UINT64_MAX;
        int64_t change = 0;  // moving average, 56.8 fixed point
    };
    static uint64_t habit_key(unsigned slot, uint64_t instructions) { return instructions * slots + slot; }
    static void learn_rate(Slot& slot, int64_t change, int64_t instructions);
    void learn_habit(uint64_t key, int64_t change);

    std::array<Slot, slots> slots_;
    std::array<Habit, 256> habits_;  // by hash of the key
    std::array<uint64_t, 256> seen_{};
    uint64_t clock_ = 0;
};

// The values of a column are base + unit * n.
struct ValueScale {
    uint64_t base = 0;
    uint64_t unit = 1;
};

// Finds a scale for a column, if one is worth it.
class ScaleFinder {
  public:
    void add(uint64_t value);
    ValueScale scale() const;

  private:
    uint64_t first_ = 0;
    uint64_t last_ = 0;
    uint64_t unit_ = 0;  // of the differences; 0 while there is none
    bool any_ = false;
    bool ascending_ = true;
};

class ValueEncoder {
  public:
    // scale: a scale that all values fit.
    explicit ValueEncoder(ValueScale scale = {}) : scale_(scale) {}
    // instr: where the value was read; it ascends from call to call.
    void put(uint64_t value, uint64_t instr);
    // Writes varint base, varint unit, and four columns: tokens (left out when all are zero), indices,
    // symbols and bits.
    void finish(ByteWriter& out);

  private:
    void put_residual(uint64_t residual);

    ValueScale scale_;
    ValueHistory history_;
    ByteWriter tokens_;
    ByteWriter indices_;
    ByteWriter symbols_;
    BitWriter bits_;
    bool all_zero_ = true;
};

class ValueDecoder {
  public:
    // Takes its columns from `in`, whose bytes must outlive this.
    explicit ValueDecoder(ByteReader& in);
    // instr: as in the encoder's put(). Throws Error on damaged columns.
    uint64_t get(uint64_t instr);
    // Whether everything was decoded.
    bool at_end() const {
        return tokens_.at_end() && indices_.at_end() && symbols_.at_end() && bits_.at_end();
    }

  private:
    uint64_t get_reduced(uint64_t instr);
    uint64_t get_residual();

    ValueScale scale_;
    ValueHistory history_;
    ByteReader tokens_;
    ByteReader indices_;
    ByteReader symbols_;
    BitReader bits_;
    bool all_zero_;
};

// A column in a chunk: its size as a varint, then its bytes.
inline void put_column(ByteWriter& out, std::span<const std::byte> column) {
    out.put_varint(column.size());
    out.put_bytes(column);
}
inline std::span<const std::byte> take_column(ByteReader& in) {
    return in.take(in.get_varint());
}

}  // namespace panda::recording
