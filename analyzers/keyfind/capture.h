// TCP connections in a capture of packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace panda::keyfind {

using Octets = std::vector<uint8_t>;

// What one end of a TCP connection sent, in order, from its first byte to the first that the capture lacks.
struct Stream {
    Octets bytes;
};

// A connection, by the end that spoke first (SYN, or else the first segment that was captured).
struct Connection {
    std::string name;  // "10.0.0.1:4433-10.0.0.2:40000", client first
    Stream client;
    Stream server;
};

// Reads a pcap or pcapng file, as tcpdump, Wireshark and QEMU's filter-dump write them: Ethernet, Linux's cooked forms, BSD
// loopback or plain IP; IPv4 and IPv6. What is not TCP does not count. name: of the file, for errors. Throws FileError when it
// is not such a file, is damaged, or has interfaces of several link types.
std::vector<Connection> read_capture(std::span<const std::byte> bytes, const std::string& name);

}  // namespace panda::keyfind
