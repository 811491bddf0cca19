#include "trace/event.h"

#include <array>
#include <type_traits>

namespace panda::trace {
namespace {

constexpr std::array kind_names = {
    "interrupt",     "exception", "address space", "mode",          "memory map",
    "gap",           "transfer",  "port access",   "device access", "system call",
    "system return", "cpuid",     "serial output", "reset",         "input",
};

template <typename Detail>
uint32_t kind_of(const Detail&) {
    return static_cast<uint32_t>(Detail::kind);
}
uint32_t kind_of(const UnknownEvent& event) {
    return event.kind;
}

}  // namespace

uint32_t event_kind(const EventDetail& detail) {
    return std::visit([](const auto& event) { return kind_of(event); }, detail);
}

std::string event_kind_name(uint32_t kind) {
    return kind < kind_names.size() ? kind_names[kind] : "event " + std::to_string(kind);
}

}  // namespace panda::trace
