// Events as lists of numbers: the form in which the file and the dump see them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "trace/event.h"

namespace panda::trace {

struct EventFields {
    std::vector<uint64_t> values;
    Bytes data;
};

// The fields of an event, in the order of its struct's members.
EventFields event_fields(const EventDetail& detail);

// The event of a kind with these fields; missing ones are 0, surplus ones are dropped. UnknownEvent for a
// kind that this version does not know. Throws Error for a value that its member cannot hold.
EventDetail make_event(uint32_t kind, EventFields fields);

// Names of a kind's fields; empty for an unknown kind.
const std::vector<std::string>& event_field_names(uint32_t kind);

}  // namespace panda::trace
