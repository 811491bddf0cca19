// What messages on netlink sockets have behind their headers, by the socket's protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analyzers/syscalls/context.h"
#include "analyzers/syscalls/netlink_attributes.h"

namespace panda::syscalls::netlink {

// NETLINK_… (include/uapi/linux/netlink.h)
inline constexpr uint32_t protocol_route = 0, protocol_sock_diag = 4, protocol_audit = 9,
                          protocol_generic = 16;
inline constexpr uint16_t first_type = 16;  // NLMSG_MIN_TYPE; those below are the same for all protocols

// The type of a message, RTM_NEWLINK, and its flags. type: first_type and above.
std::string type_text(Abi abi, uint32_t protocol, uint16_t type);
std::string message_flags_text(Abi abi, uint32_t protocol, uint16_t type, uint16_t flags);

// What the message has, in `size` bytes at `place`, more than none. Returns nothing if the protocol's messages are not
// known.
std::optional<std::string> payload_text(const Context& context, uint32_t protocol, uint16_t type,
                                        uint16_t flags, uint64_t place, uint64_t size);

// Those of one protocol.
std::string route_text(const Context& context, uint16_t type, uint64_t place, uint64_t size);
std::string sock_diag_text(const Context& context, uint16_t type, uint16_t flags, uint64_t place,
                           uint64_t size);

// What a message begins with, a structure whose first member is a family of addresses, and its attributes.
struct Shape {
    const Layout& (*layout)();
    const AttributeSet* attributes;  // null: none are known
};
std::string shaped_text(const Context& context, const Shape& shape, uint64_t place, uint64_t size);

// A family of addresses, and bytes: of messages that are not known.
std::string family_text(const Context& context, uint64_t place, uint64_t size);

}  // namespace panda::syscalls::netlink
