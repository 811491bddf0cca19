// Values in netlink messages.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls {

std::string hex_at(const Context& context, uint64_t place, uint64_t size) {
    std::vector<std::byte> bytes(std::min<uint64_t>(size, context.options().string_limit));
    if (!context.read(place, bytes))
        return address_text(place);
    return hex_quoted(bytes) + (size > bytes.size() ? "..." : "");
}

std::string interface_text(const Context& context, uint32_t number) {
    const auto& name_of = context.options().interface_name;
    const auto name = name_of && number != 0 ? name_of(number) : std::nullopt;
    return name ? "if_nametoindex(" + quoted(*name) + ")" : std::to_string(number);
}

std::string route_table_text(const Context& context, uint64_t number) {
    const char* name = constant_name(route_table_constants(), context.abi(), number);
    return name ? name : hex(number);
}

std::string inet_address_text(uint32_t family, const std::byte* bytes) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(static_cast<int>(family), bytes, text, sizeof text);
    return family == AF_INET6 ? "inet_pton(AF_INET6, \"" + std::string(text) + "\")"
                              : "inet_addr(\"" + std::string(text) + "\")";
}

namespace notation {
namespace {

std::string end_text(uint32_t family, const std::byte* bytes, const char* name) {
    std::string text = inet_address_text(family, bytes);
    if (family != AF_INET6)
        return std::string(name) + "=" + text;
    text.pop_back();
    return text + ", &" + name + ")";
}

}  // namespace

std::string interface(const Context& context, const Value& value, const Notation&) {
    return interface_text(context, static_cast<uint32_t>(value.raw));
}

std::string route_table(const Context& context, const Value& value, const Notation&) {
    return route_table_text(context, value.raw);
}

// Two numbers of 4 bytes.
std::string cookie(const Context& context, const Value& value, const Notation&) {
    return array_at(context, value.address, 2, 4, [&](uint64_t place) -> std::optional<std::string> {
        const auto word = context.read_unsigned(place, 4);
        return word ? std::optional(std::to_string(*word)) : std::nullopt;
    });
}

// struct inet_diag_sockid: two ports, two addresses of 16 bytes, an interface and a cookie.
std::string inet_socket(const Context& context, const Value& value, const Notation& notation) {
    std::array<std::byte, 48> bytes;
    const auto family = context.read_unsigned(value.address - notation.numbers[0], 1);
    if (!family || !context.read(value.address, bytes))
        return address_text(value.address);
    const auto port = [&](size_t at) {
        return std::to_string(std::to_integer<unsigned>(bytes[at]) << 8 |
                              std::to_integer<unsigned>(bytes[at + 1]));
    };
    const auto kind = static_cast<uint32_t>(*family);
    const auto interface = context.read_unsigned(value.address + 36, 4).value_or(0);
    return "{idiag_sport=htons(" + port(0) + "), idiag_dport=htons(" + port(2) + "), " +
           end_text(kind, bytes.data() + 4, "idiag_src") + ", " +
           end_text(kind, bytes.data() + 20, "idiag_dst") +
           ", idiag_if=" + interface_text(context, static_cast<uint32_t>(interface)) +
           ", idiag_cookie=" + cookie(context, {0, value.address + 40, 8}, notation) + "}";
}

}  // namespace notation
}  // namespace panda::syscalls
