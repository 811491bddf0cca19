// The coding `innerList`: what happens to memory inside block executions, other than the operations of their
// code. InnerKind in trace.capnp lists the kinds.
//
//   column    = the streams of streams.h: heads, fills, addresses, values
//   heads     = { varint position - that of the event before
//                 varint place - that of the event before, or place if that is in another execution
//                 byte   fill:            kind | address space << 2
//                        access of n bytes, or table write: kind | log2(n) << 2
//                        registerValue:   0xf0 | FollowedRegister }
//   fills     = of fills: { varint zigzag(page - that of the fill before)
//                           varint zigzag((frame - page) - that of the fill before) }
//   addresses = of helpers' accesses and table writes:
//               { varint zigzag(address - that of the event of the same kind before) }
//   values    = of helpers' stores and table writes: { varint zigzag(value - expected) }, of which only the
//               low n bytes count; a helper's store of 16 bytes has two, for the low and the high half;
//               of registers: { varint zigzag(value - that of the same register before) }
//
// position: the number of the execution in the chunk. place: 0 before the block, 1 + 2 i before and 2 + 2 i
// after the block's own operations of instruction i. page, frame: address >> 12, virtual and guest physical.
//
// Everything is 0 before the first event. The expected value of a helper's store is what was stored there
// last, as far as the cache of value_codec.h tells. (In a trace with values, the blocks' own stores are in
// that cache too.) The expected value of its high half is what was stored at address + 8. The expected value
// of a table write is what the table write before it wrote.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/bytes.h"
#include "trace/inner_event.h"

namespace panda::trace {

class ValueCache;

// Throws Error when the event cannot exist: its size, place, kind or translation is impossible.
void check_inner_event(const InnerEvent& event);

// What an event of each kind is predicted from.
struct InnerHistory {
    std::array<uint64_t, 4> addresses{};  // by kind
    uint64_t page = 0;                    // of the last fill
    uint64_t distance = 0;                // its frame - page
    uint64_t table_value = 0;
    FollowedValues registers{};
};

class InnerEncoder {
  public:
    // position: number of the block execution in the chunk, ascending. event: the caller has checked it
    // (check_inner_event). cache: gets what the event stores.
    void append(uint32_t position, const InnerEvent& event, ValueCache& cache);
    uint32_t count() const { return count_; }
    size_t size() const { return heads_.size() + fills_.size() + addresses_.size() + values_.size(); }
    // Returns the column and starts the next one.
    Bytes take();

  private:
    void put_fill(const InnerEvent& event);
    void put_register(const InnerEvent& event);
    void put_access(const InnerEvent& event, ValueCache& cache);

    ByteWriter heads_;
    ByteWriter fills_;
    ByteWriter addresses_;
    ByteWriter values_;
    InnerHistory history_;
    uint32_t position_ = 0;
    uint32_t place_ = 0;
    uint32_t count_ = 0;
};

// Decodes event by event. Throws Error on malformed input.
class InnerDecoder {
  public:
    // Starts a column, whose bytes must stay valid while they are decoded. count: events in it. block_count:
    // executions in the chunk.
    void start(std::span<const std::byte> column, uint64_t count, uint32_t block_count);
    // Whether an event is left. position() and place() are those of the next event.
    bool valid() const { return valid_; }
    uint32_t position() const { return position_; }
    uint32_t place() const { return place_; }
    // Returns the next event. cache: gets what the event stores.
    InnerEvent take(ValueCache& cache);

  private:
    void read_head();
    void read_fill(InnerEvent& event);
    void read_register(InnerEvent& event);
    void read_access(InnerEvent& event, ValueCache& cache);

    ByteReader heads_{{}};
    ByteReader fills_{{}};
    ByteReader addresses_{{}};
    ByteReader values_{{}};
    InnerHistory history_;
    uint64_t remaining_ = 0;
    uint32_t block_count_ = 0;
    uint32_t position_ = 0;
    uint32_t place_ = 0;
    uint8_t tag_ = 0;
    bool valid_ = false;
};

}  // namespace panda::trace
