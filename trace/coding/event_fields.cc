#include "trace/coding/event_fields.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "common/error.h"

namespace panda::trace {
namespace {

// A member as the number that it is in the file, both ways.
template <typename Event>
struct Coding {
    uint64_t (*get)(const Event&);
    void (*set)(Event&, uint64_t);
};

template <typename Event>
struct Field {
    const char* name;
    Coding<Event> coding;
};

template <typename>
struct MemberPointer;
template <typename Class, typename Type>
struct MemberPointer<Type Class::*> {
    using Owner = Class;
    using Member = Type;
};
template <auto member>
using OwnerOf = typename MemberPointer<decltype(member)>::Owner;

// A member of 64 bits.
template <auto member>
constexpr Coding<OwnerOf<member>> wide = {
    [](const OwnerOf<member>& event) -> uint64_t { return event.*member; },
    [](OwnerOf<member>& event, uint64_t value) { event.*member = value; }};

// A number or an enumeration of 32 bits.
template <auto member>
constexpr Coding<OwnerOf<member>> narrow = {
    [](const OwnerOf<member>& event) { return static_cast<uint64_t>(event.*member); },
    [](OwnerOf<member>& event, uint64_t value) {
        using Member = typename MemberPointer<decltype(member)>::Member;
        static_assert(sizeof(Member) == sizeof(uint32_t));
        if (value > std::numeric_limits<uint32_t>::max())
            throw Error("has an event with a number that is too large");
        event.*member = static_cast<Member>(value);
    }};

// 0 or 1; any number but 0 is true.
template <auto member>
constexpr Coding<OwnerOf<member>> flag = {
    [](const OwnerOf<member>& event) { return uint64_t{event.*member}; },
    [](OwnerOf<member>& event, uint64_t value) { event.*member = value != 0; }};

// One of an array of 64-bit members.
template <auto member, size_t index>
constexpr Coding<OwnerOf<member>> element = {
    [](const OwnerOf<member>& event) { return (event.*member)[index]; },
    [](OwnerOf<member>& event, uint64_t value) { (event.*member)[index] = value; }};

// --- The fields of each kind, in the order in which they stand in the file: append only. ---
//
// trace.capnp has the same tables, with what the fields mean; a test compares them. A kind whose struct has a member
// `data` has bytes beside its fields.

template <typename Event>
constexpr auto fields_of = 0;

template <>
constexpr auto fields_of<Interrupt> = std::to_array<Field<Interrupt>>({
    {"vector", narrow<&Interrupt::vector>},
    {"source", narrow<&Interrupt::source>},
});

template <>
constexpr auto fields_of<Exception> = std::to_array<Field<Exception>>({
    {"vector", narrow<&Exception::vector>},
    {"error_code", narrow<&Exception::error_code>},
    {"cr2", wide<&Exception::cr2>},
    {"pc", wide<&Exception::pc>},
});

template <>
constexpr auto fields_of<AddressSpaceChange> = std::to_array<Field<AddressSpaceChange>>({
    {"cr3", wide<&AddressSpaceChange::cr3>},
});

template <>
constexpr auto fields_of<ModeChange> = std::to_array<Field<ModeChange>>({
    {"cr0", wide<&ModeChange::cr0>},
    {"cr4", wide<&ModeChange::cr4>},
    {"efer", wide<&ModeChange::efer>},
    {"system_management", flag<&ModeChange::system_management>},
});

template <>
constexpr auto fields_of<MemoryMapChange> = std::to_array<Field<MemoryMapChange>>({
    {"map", narrow<&MemoryMapChange::map>},
});

template <>
constexpr auto fields_of<Gap> = std::to_array<Field<Gap>>({
    {"instructions", wide<&Gap::instructions>},
});

template <>
constexpr auto fields_of<Transfer> = std::to_array<Field<Transfer>>({
    {"block", narrow<&Transfer::block>},
    {"offset", wide<&Transfer::offset>},
    {"source", narrow<&Transfer::source>},
    {"device", narrow<&Transfer::device>},
});

template <>
constexpr auto fields_of<PortAccess> = std::to_array<Field<PortAccess>>({
    {"port", narrow<&PortAccess::port>},
    {"size", narrow<&PortAccess::size>},
    {"write", flag<&PortAccess::write>},
    {"value", wide<&PortAccess::value>},
});

template <>
constexpr auto fields_of<DeviceAccess> = std::to_array<Field<DeviceAccess>>({
    {"address", wide<&DeviceAccess::address>},
    {"size", narrow<&DeviceAccess::size>},
    {"write", flag<&DeviceAccess::write>},
    {"value", wide<&DeviceAccess::value>},
});

template <>
constexpr auto fields_of<SystemCall> = std::to_array<Field<SystemCall>>({
    {"gate", narrow<&SystemCall::gate>},
    {"number", wide<&SystemCall::number>},
    {"argument0", element<&SystemCall::arguments, 0>},
    {"argument1", element<&SystemCall::arguments, 1>},
    {"argument2", element<&SystemCall::arguments, 2>},
    {"argument3", element<&SystemCall::arguments, 3>},
    {"argument4", element<&SystemCall::arguments, 4>},
    {"argument5", element<&SystemCall::arguments, 5>},
    {"stack_pointer", wide<&SystemCall::stack_pointer>},
    {"pc", wide<&SystemCall::pc>},
});

template <>
constexpr auto fields_of<SystemReturn> = std::to_array<Field<SystemReturn>>({
    {"gate", narrow<&SystemReturn::gate>},
    {"value", wide<&SystemReturn::value>},
    {"stack_pointer", wide<&SystemReturn::stack_pointer>},
    {"pc", wide<&SystemReturn::pc>},
});

template <>
constexpr auto fields_of<Cpuid> = std::to_array<Field<Cpuid>>({
    {"rax", element<&Cpuid::before, 0>},
    {"rbx", element<&Cpuid::before, 1>},
    {"rcx", element<&Cpuid::before, 2>},
    {"rdx", element<&Cpuid::before, 3>},
    {"rdi", element<&Cpuid::before, 4>},
    {"rsi", element<&Cpuid::before, 5>},
    {"rax_after", element<&Cpuid::after, 0>},
    {"rbx_after", element<&Cpuid::after, 1>},
    {"rcx_after", element<&Cpuid::after, 2>},
    {"rdx_after", element<&Cpuid::after, 3>},
    {"pc", wide<&Cpuid::pc>},
});

template <>
constexpr auto fields_of<SerialOutput> = std::to_array<Field<SerialOutput>>({
    {"port", narrow<&SerialOutput::port>},
});

template <>
constexpr std::array<Field<Reset>, 0> fields_of<Reset> = {};

template <>
constexpr auto fields_of<Input> = std::to_array<Field<Input>>({
    {"source", narrow<&Input::source>},
    {"number", narrow<&Input::number>},
    {"value", wide<&Input::value>},
});

// --- What follows from the tables ---

template <typename Event>
constexpr bool has_data = requires(Event event) { event.data; };

template <typename Event>
EventFields to_fields(const Event& event) {
    EventFields fields;
    for (const Field<Event>& field : fields_of<Event>)
        fields.values.push_back(field.coding.get(event));
    if constexpr (has_data<Event>)
        fields.data = event.data;
    return fields;
}
EventFields to_fields(const UnknownEvent& event) {
    return {event.fields, event.data};
}

template <typename Event>
EventDetail from_fields(EventFields&& fields) {
    Event event;
    for (size_t i = 0; i < fields_of<Event>.size() && i < fields.values.size(); ++i)
        fields_of<Event>[i].coding.set(event, fields.values[i]);
    if constexpr (has_data<Event>)
        event.data = std::move(fields.data);
    return event;
}

struct Kind {
    std::vector<std::string> names;  // of the fields
    EventDetail (*make)(EventFields&&) = nullptr;
};

template <typename Event>
void add_kind(std::vector<Kind>& kinds) {
    if constexpr (!std::is_same_v<Event, UnknownEvent>) {
        const auto number = static_cast<size_t>(Event::kind);
        kinds.resize(std::max(kinds.size(), number + 1));
        kinds[number].make = from_fields<Event>;
        for (const Field<Event>& field : fields_of<Event>)
            kinds[number].names.emplace_back(field.name);
    }
}

template <typename... Events>
std::vector<Kind> kinds_of(const std::variant<Events...>*) {
    std::vector<Kind> kinds;
    (add_kind<Events>(kinds), ...);
    return kinds;
}

// By number.
const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all = kinds_of(static_cast<const EventDetail*>(nullptr));
    return all;
}

}  // namespace

EventFields event_fields(const EventDetail& detail) {
    return std::visit([](const auto& event) { return to_fields(event); }, detail);
}

EventDetail make_event(uint32_t kind, EventFields fields) {
    if (kind < kinds().size() && kinds()[kind].make != nullptr)
        return kinds()[kind].make(std::move(fields));
    return UnknownEvent{kind, std::move(fields.values), std::move(fields.data)};
}

const std::vector<std::string>& event_field_names(uint32_t kind) {
    static const std::vector<std::string> none;
    return kind < kinds().size() ? kinds()[kind].names : none;
}

}  // namespace panda::trace
