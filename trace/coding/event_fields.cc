#include "trace/coding/event_fields.h"

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
EventFields fields_of(const Transfer& event) {
    return {{event.block, event.offset, static_cast<uint64_t>(event.source), event.device}, event.data};
}
EventFields fields_of(const PortAccess& event) {
    return {{event.port, event.size, event.write ? 1u : 0u, event.value}, {}};
}
EventFields fields_of(const DeviceAccess& event) {
    return {{event.address, event.size, event.write ? 1u : 0u, event.value}, {}};
}
EventFields fields_of(const SystemCall& event) {
    const auto& in = event.arguments;
    return {{static_cast<uint64_t>(event.gate), event.number, in[0], in[1], in[2], in[3], in[4], in[5],
             event.stack_pointer, event.pc},
            {}};
}
EventFields fields_of(const SystemReturn& event) {
    return {{static_cast<uint64_t>(event.gate), event.value, event.stack_pointer, event.pc}, {}};
}
EventFields fields_of(const Cpuid& event) {
    EventFields fields;
    fields.values.assign(event.before.begin(), event.before.end());
    fields.values.insert(fields.values.end(), event.after.begin(), event.after.end());
    fields.values.push_back(event.pc);
    return fields;
}
EventFields fields_of(const SerialOutput& event) {
    return {{event.port}, event.data};
}
EventFields fields_of(const Reset&) {
    return {};
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
    const auto small = [&value](size_t index) { return narrow(value(index)); };
    switch (static_cast<EventKind>(kind)) {
        case EventKind::interrupt:
            return Interrupt{small(0), static_cast<InterruptSource>(small(1))};
        case EventKind::exception:
            return Exception{small(0), small(1), value(2), value(3)};
        case EventKind::address_space:
            return AddressSpaceChange{value(0)};
        case EventKind::mode:
            return ModeChange{value(0), value(1), value(2), value(3) != 0};
        case EventKind::memory_map:
            return MemoryMapChange{small(0)};
        case EventKind::gap:
            return Gap{value(0)};
        case EventKind::transfer:
            return Transfer{small(0), value(1), static_cast<TransferSource>(small(2)), std::move(fields.data),
                            small(3)};
        case EventKind::port_access:
            return PortAccess{small(0), small(1), value(2) != 0, value(3)};
        case EventKind::device_access:
            return DeviceAccess{value(0), small(1), value(2) != 0, value(3)};
        case EventKind::system_call:
            return SystemCall{static_cast<CallGate>(small(0)),
                              value(1),
                              {value(2), value(3), value(4), value(5), value(6), value(7)},
                              value(8),
                              value(9)};
        case EventKind::system_return:
            return SystemReturn{static_cast<ReturnGate>(small(0)), value(1), value(2), value(3)};
        case EventKind::cpuid:
            return Cpuid{{value(0), value(1), value(2), value(3), value(4), value(5)},
                         {value(6), value(7), value(8), value(9)},
                         value(10)};
        case EventKind::serial_output:
            return SerialOutput{small(0), std::move(fields.data)};
        case EventKind::reset:
            return Reset{};
        default:
            return UnknownEvent{kind, std::move(fields.values), std::move(fields.data)};
    }
}

const std::vector<std::string>& event_field_names(uint32_t kind) {
    static const std::array<std::vector<std::string>, 14> names = {{
        {"vector", "source"},
        {"vector", "error_code", "cr2", "pc"},
        {"cr3"},
        {"cr0", "cr4", "efer", "system_management"},
        {"map"},
        {"instructions"},
        {"block", "offset", "source", "device"},
        {"port", "size", "write", "value"},
        {"address", "size", "write", "value"},
        {"gate", "number", "argument0", "argument1", "argument2", "argument3", "argument4", "argument5",
         "stack_pointer", "pc"},
        {"gate", "value", "stack_pointer", "pc"},
        {"rax", "rbx", "rcx", "rdx", "rdi", "rsi", "rax_after", "rbx_after", "rcx_after", "rdx_after", "pc"},
        {"port"},
        {},
    }};
    static const std::vector<std::string> none;
    return kind < names.size() ? names[kind] : none;
}

}  // namespace panda::trace
