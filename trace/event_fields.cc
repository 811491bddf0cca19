#include "trace/event_fields.h"

#include <array>
#include <limits>

#include "common/error.h"

namespace panda::trace {
namespace {

EventFields fields_of(const Interrupt& event) {
    return {{event.vector, static_cast<uint64_t>(event.source)}, {}};
}
EventFields fields_of(const Exception& event) {
    return {{event.vector, event.error_code, event.cr2, event.pc}, {}};
}
EventFields fields_of(const AddressSpaceChange& event) {
    return {{event.cr3}, {}};
}
EventFields fields_of(const ModeChange& event) {
    return {{event.cr0, event.cr4, event.efer, event.system_management ? 1u : 0u}, {}};
}
EventFields fields_of(const MemoryMapChange& event) {
    return {{event.map}, {}};
}
EventFields fields_of(const Gap& event) {
    return {{event.instructions}, {}};
}
EventFields fields_of(const UnknownEvent& event) {
    return {event.fields, event.data};
}

uint32_t narrow(uint64_t value) {
    if (value > std::numeric_limits<uint32_t>::max())
        throw Error("has an event with a number that is too large");
    return static_cast<uint32_t>(value);
}

}  // namespace

EventFields event_fields(const EventDetail& detail) {
    return std::visit([](const auto& event) { return fields_of(event); }, detail);
}

EventDetail make_event(uint32_t kind, EventFields fields) {
    const auto value = [&fields](size_t index) {
        return index < fields.values.size() ? fields.values[index] : uint64_t{0};
    };
    switch (static_cast<EventKind>(kind)) {
        case EventKind::interrupt:
            return Interrupt{narrow(value(0)), static_cast<InterruptSource>(narrow(value(1)))};
        case EventKind::exception:
            return Exception{narrow(value(0)), narrow(value(1)), value(2), value(3)};
        case EventKind::address_space:
            return AddressSpaceChange{value(0)};
        case EventKind::mode:
            return ModeChange{value(0), value(1), value(2), value(3) != 0};
        case EventKind::memory_map:
            return MemoryMapChange{narrow(value(0))};
        case EventKind::gap:
            return Gap{value(0)};
        default:
            return UnknownEvent{kind, std::move(fields.values), std::move(fields.data)};
    }
}

const std::vector<std::string>& event_field_names(uint32_t kind) {
    static const std::array<std::vector<std::string>, 6> names = {{
        {"vector", "source"},
        {"vector", "error_code", "cr2", "pc"},
        {"cr3"},
        {"cr0", "cr4", "efer", "system_management"},
        {"map"},
        {"instructions"},
    }};
    static const std::vector<std::string> none;
    return kind < names.size() ? names[kind] : none;
}

}  // namespace panda::trace
