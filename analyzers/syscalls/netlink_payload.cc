#include "analyzers/syscalls/netlink_payload.h"

#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::netlink {
namespace {

// By the message's type: messages of routes come in fours, new, delete, get and set (rtnetlink_rcv_msg()).
const Family& flag_family(uint32_t protocol, uint16_t type) {
    if (protocol == protocol_sock_diag)
        return netlink_get_flags_constants();
    if (protocol == protocol_route) {
        switch (type & 3) {
            case 0:
                return netlink_new_flags_constants();
            case 1:
                return netlink_delete_flags_constants();
            case 2:
                return netlink_get_flags_constants();
            default:
                break;
        }
    }
    return netlink_flags_constants();
}

}  // namespace

std::string type_text(Abi abi, uint32_t protocol, uint16_t type) {
    constexpr uint16_t generic_control =
        16;  // GENL_ID_CTRL; other families get their numbers as they are loaded
    if (protocol == protocol_route)
        return one_text(route_type_constants(), abi, type);
    if (protocol == protocol_sock_diag)
        return one_text(sock_diag_type_constants(), abi, type);
    if (protocol == protocol_audit)
        return one_text(audit_type_constants(), abi, type);
    if (protocol == protocol_generic && type == generic_control)
        return "nlctrl";
    return one_text(netlink_type_constants(), abi, type);
}

std::string message_flags_text(Abi abi, uint32_t protocol, uint16_t type, uint16_t flags) {
    return flags_text(flag_family(protocol, type), abi, flags);
}

std::optional<std::string> payload_text(const Context& context, uint32_t protocol, uint16_t type,
                                        uint16_t flags, uint64_t place, uint64_t size) {
    if (protocol == protocol_route)
        return route_text(context, type, place, size);
    if (protocol == protocol_sock_diag)
        return sock_diag_text(context, type, flags, place, size);
    return std::nullopt;
}

std::string shaped_text(const Context& context, const Shape& shape, uint64_t place, uint64_t size) {
    const Layout& layout = shape.layout();
    const auto family = context.read_unsigned(place, 1);
    if (!family)
        return address_text(place);
    const uint64_t whole = layout.size_in(context.abi());
    if (size < whole)
        return "{" + std::string(layout.fields.front().label) + "=" +
               one_text(address_family_constants(), context.abi(), *family) + ", ...}";
    std::string text = structure_at(context, place, layout);
    const uint64_t behind = (whole + 3) & ~uint64_t{3};
    if (shape.attributes != nullptr && size > behind)
        text += ", " + attributes_text(context, place + behind, size - behind, *shape.attributes,
                                       static_cast<uint8_t>(*family));
    return text;
}

std::string family_text(const Context& context, uint64_t place, uint64_t size) {
    const auto family = context.read_unsigned(place, 1);
    if (!family)
        return address_text(place);
    std::string text = "{family=" + one_text(address_family_constants(), context.abi(), *family);
    if (size > 1)
        text += ", data=" + hex_at(context, place + 1, size - 1);
    return text + "}";
}

}  // namespace panda::syscalls::netlink
