// Writes the sockets that processes hold open, as text or as one JSON object per line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

struct SocketUser {
    int64_t pid = 0;
    int64_t fd = 0;
    std::string name;  // of the process
};

struct SharedSocket {
    osi::Socket socket;
    std::vector<SocketUser> users;  // by ascending pid and number; empty if no process has it open
};

struct SocketReport {
    uint64_t instr = 0;  // the moment
    std::vector<SharedSocket> sockets;
    std::vector<std::string> warnings;
};

// The sockets of the process `pid`, or of all processes: each once, in the order of the process and number that
// has it first. All: then also those that no process has open (connections that only wait, or that were not accepted
// yet, and the kernel's own), as far as the system's tables have them. Throws Error when there is no process with that number.
SocketReport make_socket_report(const osi::Provider& provider, const osi::Point& point,
                                std::optional<int64_t> pid);
// Adds those of one process.
void add_sockets(SocketReport& report, const osi::Provider& provider, const osi::Point& point,
                 const osi::Process& process);

// ss's name for the kind of a socket: "tcp", "udp", "u_str", "nl" …
std::string netid(const osi::Socket& socket);
// "inet", "unix" …; "family 99" if it has no name here.
std::string family_name(uint32_t family);
// "stream", "dgram" …; "type 9" if it has no name here.
std::string type_name(uint32_t type);

// Columns as those of ss -anp: NETID STATE RECV-Q SEND-Q LOCAL PEER PROCESS. Unix sockets have their inode, and
// that of the peer, behind the name.
void write_table(std::ostream& out, const SocketReport& report);
// {"kind": "socket", "instr", "netid", "family", "type", "protocol", "state", "receive_queue", "send_queue",
// "local", "peer", "inode", "peer_inode", "netns", "users": [{"pid", "fd", "name"}], "socket": "0x…"}
void write_json(std::ostream& out, const SocketReport& report);

}  // namespace panda::analyze_osi
