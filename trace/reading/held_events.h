// Puts events into the order of time. An event in the middle of a block stands before that block in a chunk.
// To get it between the block's own instructions, hold it back here until its instr is reached.
#pragma once

#include <cstdint>
#include <map>

#include "trace/event.h"

namespace panda::trace {

class HeldEvents {
  public:
    bool empty() const { return events_.empty(); }
    // Holds an event. Events come out by instr, and those of the same instr in the order of the calls.
    void hold(const Event& event) { events_.emplace(event.instr, event); }
    // The earliest event; there must be one. pop() removes it.
    const Event& front() const { return events_.begin()->second; }
    void pop() { events_.erase(events_.begin()); }

  private:
    std::multimap<uint64_t, Event> events_;  // by instr
};

}  // namespace panda::trace
