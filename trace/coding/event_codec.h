// The coding `eventList`: a chunk's events.
//
// Each event has a position: the number of block executions of the chunk before it. Events are in order of
// position, and in order of happening where positions are equal.
//
//   column = { varint position - that of the event before (0 at first)
//              varint kind (EventKind of trace.capnp)
//              varint zigzag(instr - the block stream's instr at the position)
//              varint number of fields << 1 | has data
//              for each field: varint zigzag(value - this field's value before)
//              if it has data: varint size, bytes }
//
// The block stream's instr is Chunk.firstInstr, plus the instructions of the executions before (for a cut one
// those that it executed), plus those that gaps before it left out. "This field's value before" is the
// field's value in the last event of the same kind that had the field, 0 at first.
//
// Kinds stay readable when fields are appended to them: a missing field is 0, a surplus one is ignored.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/event.h"

namespace panda::trace {

// An event as the codec sees it.
struct CodedEvent {
    uint32_t position = 0;     // number of the chunk's block executions before it
    int64_t instr_offset = 0;  // instr - the block stream's instr at the position
    EventDetail detail;

    bool operator==(const CodedEvent&) const = default;
};

// The fields of the last event of each kind, from which the next ones are predicted.
class FieldHistory {
  public:
    // The fields of the kind's last event. If there are fewer than `count`, zeros are appended first.
    std::vector<uint64_t>& last(uint32_t kind, size_t count);

  private:
    std::map<uint32_t, std::vector<uint64_t>> last_;
};

class EventEncoder {
  public:
    void append(const CodedEvent& event);
    uint32_t count() const { return count_; }
    size_t size() const { return out_.size(); }
    // Returns the column and starts the next one.
    Bytes take();

  private:
    ByteWriter out_;
    FieldHistory history_;
    uint32_t position_ = 0;
    uint32_t count_ = 0;
};

// Decodes a column event by event. Throws Error on malformed input.
class EventDecoder {
  public:
    // column: must outlive the decoder. count: events in it. block_count: executions in the chunk.
    EventDecoder(std::span<const std::byte> column, uint64_t count, uint32_t block_count);

    // Whether there is an event; false after the last one.
    bool valid() const { return valid_; }
    // The event at hand. Call it only while valid().
    const CodedEvent& event() const { return event_; }
    // Goes on to the next event.
    void advance();

  private:
    ByteReader in_;
    FieldHistory history_;
    uint64_t remaining_;
    uint32_t block_count_;
    bool valid_ = false;
    CodedEvent event_;
};

}  // namespace panda::trace
