// Events as lists of numbers. The file has them in this form, and `panda-trace dump` prints it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "trace/event.h"

namespace panda::trace {

// An event as numbers and bytes.
struct EventFields {
    std::vector<uint64_t> values;  // by the number of the field, see EventKind in trace.capnp
    Bytes data;                    // empty if the kind has no data
};

// Returns the fields of an event.
EventFields event_fields(const EventDetail& detail);

// Makes an event of a kind from its fields. Missing fields are 0, surplus ones are dropped. The result is an
// UnknownEvent if this version does not know the kind. Throws Error for a value that does not fit its member.
EventDetail make_event(uint32_t kind, EventFields fields);

// The names of a kind's fields, by their numbers. Empty for an unknown kind.
const std::vector<std::string>& event_field_names(uint32_t kind);

}  // namespace panda::trace
