// The coding `innerList`: what happens to memory inside block executions, beside the operations of their
// code. InnerKind of trace.capnp has the kinds.
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
//   values    = of helpers' stores and table writes: { varint zigzag(value - expected) }, of which the low
//               n bytes count; of helpers' stores of 16 bytes two, for the low and the high half;
//               of registers: { varint zigzag(value - that of the same register before) }
//
// position: the number of the execution in the chunk. place: 0 before the block, 1 + 2 i before and 2 + 2 i
// after the block's own operations of instruction i. page, frame: address >> 12, virtual and guest physical.
//
// All that is before the first is 0. A helper's store is expected to store what was stored there last, as far
// as the cache of value_codec.h tells (with values in the trace, the block's own stores included), its high
// half what was stored at address + 8; a table write what the table write before it wrote.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/bytes.h"
#include "trace/inner_event.h"

namespace panda::trace {

class ValueCache;

// Throws Error when the event is none: an impossible size, place, kind, or fill.
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
    // position: of the block execution in the chunk, ascending. event: checked. cache: learns what is stored.
    void append(uint32_t position, const InnerEvent& event, ValueCache& cache);
    uint32_t count() const { return count_; }
    size_t size() const { return heads_.size() + fills_.size() + addresses_.size() + values_.size(); }
    // The column; the encoder begins anew.
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
    // Begins a column, which must outlive its use. count: events in it; block_count: executions in the chunk.
    void start(std::span<const std::byte> column, uint64_t count, uint32_t block_count);
    // Whether an event is left; position() and place() are those of the next.
    bool valid() const { return valid_; }
    uint32_t position() const { return position_; }
    uint32_t place() const { return place_; }
    // The next event. cache: as for the encoder.
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
