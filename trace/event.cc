#include "trace/event.h"

#include <array>
#include <type_traits>

namespace panda::trace {
namespace {

constexpr std::array kind_names = {
    "interrupt",     "exception", "address space", "mode",          "memory map",
    "gap",           "transfer",  "port access",   "device access", "system call",
    "system return", "cpuid",     "serial output", "reset",
};

EventKind kind_of(const Interrupt&) {
    return EventKind::interrupt;
}
EventKind kind_of(const Exception&) {
    return EventKind::exception;
}
EventKind kind_of(const AddressSpaceChange&) {
    return EventKind::address_space;
}
EventKind kind_of(const ModeChange&) {
    return EventKind::mode;
}
EventKind kind_of(const MemoryMapChange&) {
    return EventKind::memory_map;
}
EventKind kind_of(const Gap&) {
    return EventKind::gap;
}
EventKind kind_of(const Transfer&) {
    return EventKind::transfer;
}
EventKind kind_of(const PortAccess&) {
    return EventKind::port_access;
}
EventKind kind_of(const DeviceAccess&) {
    return EventKind::device_access;
}
EventKind kind_of(const SystemCall&) {
    return EventKind::system_call;
}
EventKind kind_of(const SystemReturn&) {
    return EventKind::system_return;
}
EventKind kind_of(const Cpuid&) {
    return EventKind::cpuid;
}
EventKind kind_of(const SerialOutput&) {
    return EventKind::serial_output;
}
EventKind kind_of(const Reset&) {
    return EventKind::reset;
}
EventKind kind_of(const UnknownEvent& event) {
    return static_cast<EventKind>(event.kind);
}

}  // namespace

uint32_t event_kind(const EventDetail& detail) {
    return std::visit([](const auto& event) { return static_cast<uint32_t>(kind_of(event)); }, detail);
}

std::string event_kind_name(uint32_t kind) {
    return kind < kind_names.size() ? kind_names[kind] : "event " + std::to_string(kind);
}

}  // namespace panda::trace
