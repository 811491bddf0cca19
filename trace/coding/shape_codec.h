// The coding `shapeList`: which conditional memory operations ran, and which operations of an execution that
// was cut short.
//
//   column = the streams of streams.h: masks, cuts
//   masks  = { varint run, varint mask ^ last }
//   cuts   = { bits, the first in a byte's bit 0, zeros up to a whole byte }
//
// A whole execution has a mask for each 64 conditional operations of its block, the last mask perhaps for
// fewer. Bit 0 is the first of these operations, and 1 says that it ran. `last` is the mask that this block
// had there before in the chunk, 0 at first. run: the number of masks before this one, of any blocks, that
// were equal to their `last`. After the last mask in the stream, all masks are.
//
// A cut execution that stopped in instruction n has bits that say whether operations ran. The operations that
// have a bit are, in order, those with an address word and an access that either belong to instruction n, or
// belong to an instruction before it and are conditional. The other operations of instructions before n ran,
// and the other operations of instruction n did not. The bits of each cut execution start in a new byte.
#pragma once

#include <cstdint>
#include <span>

#include "common/bytes.h"

namespace panda::trace {

class ShapeEncoder {
  public:
    // Appends a mask. last: the block's mask before, which becomes this one.
    void encode(uint64_t& last, uint64_t mask) {
        ++masks_;
        if (mask == last)
            ++run_;
        else
            put(last, mask);
    }
    // Appends a bit of a cut execution.
    void put_cut_bit(bool bit);
    // To be called after the last bit of a cut execution.
    void end_cut();

    // Masks and bytes so far.
    uint64_t masks() const { return masks_; }
    size_t size() const { return out_.size() + cuts_.size(); }
    // Returns the column and starts the next one.
    Bytes take();

  private:
    void put(uint64_t& last, uint64_t mask);

    ByteWriter out_;
    ByteWriter cuts_;
    uint64_t masks_ = 0;
    uint64_t run_ = 0;
    uint8_t byte_ = 0;
    unsigned bits_ = 0;  // how many bits byte_ has
};

// Every call throws Error on malformed input.
class ShapeDecoder {
  public:
    // Starts a column, whose bytes must stay valid while they are decoded.
    void start(std::span<const std::byte> column);
    // Returns the next mask. last: the block's mask before, which becomes this one.
    uint64_t decode(uint64_t& last) {
        if (run_ > 0)
            --run_;
        else
            read_mask(last);
        return last;
    }
    // Returns the next bit of a cut execution.
    bool cut_bit();
    // To be called after the last bit of a cut execution.
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
    unsigned bits_ = 0;  // how many bits of byte_ are left
};

}  // namespace panda::trace
