// The coding `shapeList`: which conditional memory operations ran, and how far blocks came that were cut
// short.
//
//   column = the streams of streams.h: masks, cuts
//   masks  = { varint run, varint mask ^ last }
//   cuts   = { bits, the first in a byte's bit 0, zeros up to a whole byte }
//
// A whole execution has a mask for each 64 conditional operations of its block, or what is left of them: bit
// 0 is the first of these, and 1 says that it ran. `last` is the mask that this block had there before in the
// chunk (0 at first); run: masks before this one, of any blocks, that were as before. Behind the last one of
// the stream all are.
//
// A cut execution that stopped in instruction n has a bit for each of its block's operations, in order, that
// has an address word and an access, and is of instruction n, or of one before it and conditional: whether it
// ran. Of the others, those of instructions before n ran, those of n did not. Each cut execution starts with
// a byte of its own, if it has any bits.
#pragma once

#include <cstdint>
#include <span>

#include "common/bytes.h"

namespace panda::trace {

class ShapeEncoder {
  public:
    void encode(uint64_t& last, uint64_t mask) {
        ++masks_;
        if (mask == last)
            ++run_;
        else
            put(last, mask);
    }
    // The bits of a cut execution, one after another, and their end.
    void put_cut_bit(bool bit);
    void end_cut();

    uint64_t masks() const { return masks_; }
    size_t size() const { return out_.size() + cuts_.size(); }
    // The column; the encoder begins anew.
    Bytes take();

  private:
    void put(uint64_t& last, uint64_t mask);

    ByteWriter out_;
    ByteWriter cuts_;
    uint64_t masks_ = 0;
    uint64_t run_ = 0;
    uint8_t byte_ = 0;
    unsigned bits_ = 0;  // in byte_
};

// Every call throws Error on malformed input.
class ShapeDecoder {
  public:
    // Begins a column, which must outlive its use.
    void start(std::span<const std::byte> column);
    uint64_t decode(uint64_t& last) {
        if (run_ > 0)
            --run_;
        else
            read_mask(last);
        return last;
    }
    bool cut_bit();
    void end_cut();
    // Throws Error when the column holds more.
    void check_end() const;

  private:
    void read_run();
    void read_mask(uint64_t& last);

    ByteReader in_{{}};
    ByteReader cuts_{{}};
    uint64_t run_ = 0;
    bool last_run_ = false;
    uint8_t byte_ = 0;
    unsigned bits_ = 0;  // left in byte_
};

}  // namespace panda::trace
