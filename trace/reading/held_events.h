// Events in the order of time. An event in the middle of a block stands before that block in a chunk; who
// cares for the order among the block's own instructions holds it back until then.
#pragma once

#include <cstdint>
#include <map>

#include "trace/event.h"

namespace panda::trace {

class HeldEvents {
  public:
    bool empty() const { return events_.empty(); }
    // Holds the event; they come out by instr, those of the same instr in the order of the calls.
    void hold(const Event& event) { events_.emplace(event.instr, event); }
    // The earliest; not empty.
    const Event& front() const { return events_.begin()->second; }
    void pop() { events_.erase(events_.begin()); }

  private:
    std::multimap<uint64_t, Event> events_;  // by instr
};

}  // namespace panda::trace
