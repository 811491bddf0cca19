// Events in the order of time. An event in the middle of a block stands before that block in a chunk; who
// cares for the order among the block's own instructions holds it back until then.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "trace/event.h"

namespace panda::trace {

class HeldEvents {
  public:
    bool empty() const { return events_.empty(); }
    // Holds the event; they come out by instr, those of the same instr in the order of the calls.
    void hold(const Event& event) {
        const auto after = std::upper_bound(events_.begin(), events_.end(), event,
                                            [](const Event& a, const Event& b) { return a.instr < b.instr; });
        events_.insert(after, event);
    }
    // The earliest; not empty.
    const Event& front() const { return events_.front(); }
    void pop() { events_.pop_front(); }
    void clear() { events_.clear(); }

  private:
    std::deque<Event> events_;
};

}  // namespace panda::trace
