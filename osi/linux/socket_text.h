// The words that iproute2's ss has for sockets.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace panda::osi::linux_guest {

// include/linux/socket.h, include/linux/net.h, include/uapi/linux/in.h; they do not change.
enum AddressFamily : uint32_t {
    af_unix = 1,
    af_inet = 2,
    af_inet6 = 10,
    af_netlink = 16,
    af_packet = 17,
    af_vsock = 40,
};
enum SocketType : uint32_t { sock_stream = 1, sock_dgram = 2, sock_raw = 3, sock_seqpacket = 5 };
enum Protocol : uint32_t { protocol_tcp = 6, protocol_udp = 17, protocol_udplite = 136 };
enum State : uint64_t { state_close = 7, state_listen = 10 };  // include/net/tcp_states.h

// "ESTAB", "LISTEN" …; a number if it has no name.
std::string state_name(uint64_t state);

// "127.0.0.1"; "::1"
std::string inet_text(const std::array<uint8_t, 16>& address, bool wide);
// "127.0.0.1:80", "[::1]:80"; port 0 is "*". any: the address of all of IPv6 and IPv4, which is "*".
std::string endpoint_text(const std::array<uint8_t, 16>& address, bool wide, bool any, uint64_t port);

// "rtnl", "genl" …
std::string netlink_name(uint32_t protocol);

}  // namespace panda::osi::linux_guest
