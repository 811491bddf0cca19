// Linux's numbers of sockets, and the words that iproute2's ss has for them.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace panda::osi::linux_guest {

// include/linux/socket.h, include/linux/net.h, include/uapi/linux/in.h; they do not change.
inline constexpr uint32_t af_unix = 1;
inline constexpr uint32_t af_inet = 2;
inline constexpr uint32_t af_inet6 = 10;
inline constexpr uint32_t af_netlink = 16;
inline constexpr uint32_t af_packet = 17;
inline constexpr uint32_t af_vsock = 40;
inline constexpr uint32_t sock_stream = 1;
inline constexpr uint32_t sock_dgram = 2;
inline constexpr uint32_t sock_raw = 3;
inline constexpr uint32_t protocol_tcp = 6;
inline constexpr uint32_t protocol_udp = 17;
inline constexpr uint32_t protocol_udplite = 136;
// include/net/tcp_states.h
inline constexpr uint64_t state_syn_recv = 3;
inline constexpr uint64_t state_time_wait = 6;
inline constexpr uint64_t state_close = 7;
inline constexpr uint64_t state_listen = 10;
inline constexpr uint64_t state_new_syn_recv = 12;  // of a request, which tools call SYN-RECV

// "ESTAB", "LISTEN" …; a number if it has no name.
std::string state_name(uint64_t state);

// "127.0.0.1"; "::1"
std::string inet_text(const std::array<uint8_t, 16>& address, bool wide);
// "127.0.0.1:80", "[::1]:80"; port 0 is "*". any: the address of all of IPv6 and IPv4, which is "*".
std::string endpoint_text(const std::array<uint8_t, 16>& address, bool wide, bool any, uint64_t port);

// "rtnl", "genl" …
std::string netlink_name(uint32_t protocol);

}  // namespace panda::osi::linux_guest
