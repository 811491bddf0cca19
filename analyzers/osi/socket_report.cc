#include "analyzers/osi/socket_report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ostream>
#include <set>
#include <string_view>

#include "analyzers/osi/select_processes.h"
#include "analyzers/osi/text.h"
#include "common/hex.h"
#include "common/json_value.h"
#include "osi/linux/socket_text.h"

namespace panda::analyze_osi {
namespace {

using namespace osi::linux_guest;  // the numbers of families and types

std::string inet_netid(const osi::Socket& socket) {
    struct Entry {
        uint32_t protocol;
        const char* name;
    };
    if (socket.type == sock_raw)
        return "raw";
    static constexpr Entry entries[] = {{1, "icmp"},   {6, "tcp"},    {17, "udp"},   {33, "dccp"},
                                        {58, "icmp6"}, {132, "sctp"}, {136, "udpl"}, {262, "mptcp"}};
    for (const Entry& entry : entries)
        if (entry.protocol == socket.protocol)
            return entry.name;
    return "???";
}

// With the inode behind the name, as ss has it.
std::string unix_end(const std::string& name, uint64_t inode) {
    return printable(name) + " " + std::to_string(inode);
}

}  // namespace

std::string netid(const osi::Socket& socket) {
    const bool stream = socket.type == sock_stream;
    switch (socket.family) {
        case af_inet:
        case af_inet6:
            return inet_netid(socket);
        case af_unix:
            return stream ? "u_str" : socket.type == sock_dgram ? "u_dgr" : "u_seq";
        case af_netlink:
            return "nl";
        case af_packet:
            return socket.type == sock_raw ? "p_raw" : "p_dgr";
        case af_vsock:
            return stream ? "v_str" : socket.type == sock_dgram ? "v_dgr" : "v_seq";
        default:
            return "???";
    }
}

std::string family_name(uint32_t family) {
    struct Entry {
        uint32_t family;
        const char* name;
    };
    static constexpr Entry entries[] = {{af_unix, "unix"},
                                        {af_inet, "inet"},
                                        {4, "ipx"},
                                        {5, "appletalk"},
                                        {9, "x25"},
                                        {af_inet6, "inet6"},
                                        {15, "key"},
                                        {af_netlink, "netlink"},
                                        {af_packet, "packet"},
                                        {21, "rds"},
                                        {24, "pppox"},
                                        {29, "can"},
                                        {30, "tipc"},
                                        {31, "bluetooth"},
                                        {38, "alg"},
                                        {39, "nfc"},
                                        {af_vsock, "vsock"},
                                        {42, "qipcrtr"},
                                        {43, "smc"},
                                        {44, "xdp"}};
    for (const Entry& entry : entries)
        if (entry.family == family)
            return entry.name;
    return "family " + std::to_string(family);
}

std::string type_name(uint32_t type) {
    static constexpr const char* names[] = {"", "stream", "dgram", "raw", "rdm", "seqpacket", "dccp"};
    return type > 0 && type < std::size(names) ? names[type] : "type " + std::to_string(type);
}

void add_sockets(SocketReport& report, const osi::Provider& provider, const osi::Point& point,
                 const osi::Process& process) {
    auto list = provider.sockets(point, process.handle);
    add_warning(report.warnings, process.pid, list.warning);
    for (osi::OpenSocket& open : list.entries) {
        auto place = std::find_if(report.sockets.begin(), report.sockets.end(), [&](const SharedSocket& one) {
            return one.socket.descriptor == open.socket.descriptor;
        });
        if (place == report.sockets.end())
            place = report.sockets.insert(place, {std::move(open.socket), {}});
        place->users.push_back({process.pid, open.fd, process.name});
    }
}

void add_sockets_of_nobody(SocketReport& report, const osi::Provider& provider, const osi::Point& point) {
    std::set<uint64_t> there;
    for (const SharedSocket& one : report.sockets)
        there.insert(one.socket.descriptor);
    auto list = provider.known_sockets(point);
    if (!list.warning.empty())
        report.warnings.push_back(list.warning);
    for (osi::Socket& socket : list.entries)
        if (there.insert(socket.descriptor).second)
            report.sockets.push_back({std::move(socket), {}});
}

SocketReport make_socket_report(const osi::Provider& provider, const osi::Point& point,
                                std::optional<int64_t> pid) {
    SocketReport report;
    for (const osi::Process& process : select_processes(provider, point, pid, report.warnings))
        add_sockets(report, provider, point, process);
    if (!pid)
        add_sockets_of_nobody(report, provider, point);
    return report;
}

void write_table(std::ostream& out, const SocketReport& report) {
    out << "NETID  STATE      RECV-Q SEND-Q LOCAL                      PEER                       PROCESS\n";
    for (const auto& [socket, users] : report.sockets) {
        const bool is_unix = socket.family == af_unix;
        const std::string local = is_unix ? unix_end(socket.local, socket.inode) : printable(socket.local);
        const std::string peer = is_unix ? unix_end(socket.peer, socket.peer_inode) : printable(socket.peer);
        char row[80];
        std::snprintf(row, sizeof row, "%-6s %-10s %6" PRIu64 " %6" PRIu64 " ", netid(socket).c_str(),
                      socket.state.c_str(), socket.receive_queue, socket.send_queue);
        out << row << local << std::string(local.size() < 26 ? 26 - local.size() : 0, ' ') << ' ' << peer
            << std::string(peer.size() < 26 ? 26 - peer.size() : 0, ' ');
        if (!users.empty())
            out << " users:(";
        for (size_t i = 0; i < users.size(); ++i)
            out << (i == 0 ? "" : ",") << "(\"" << printable(users[i].name) << "\",pid=" << users[i].pid
                << ",fd=" << users[i].fd << ')';
        out << (users.empty() ? "\n" : ")\n");
    }
}

void write_json(std::ostream& out, const SocketReport& report) {
    for (const auto& [socket, users] : report.sockets) {
        Json line = {{"kind", "socket"},
                     {"instr", report.instr},
                     {"netid", netid(socket)},
                     {"family", family_name(socket.family)},
                     {"type", type_name(socket.type)},
                     {"protocol", socket.protocol},
                     {"state", socket.state},
                     {"receive_queue", socket.receive_queue},
                     {"send_queue", socket.send_queue},
                     {"local", socket.local},
                     {"peer", socket.peer},
                     {"inode", socket.inode}};
        if (socket.peer_inode != 0)
            line["peer_inode"] = socket.peer_inode;
        if (socket.network != 0)
            line["netns"] = socket.network;
        for (const SocketUser& user : users)
            line["users"].push_back({{"pid", user.pid}, {"fd", user.fd}, {"name", user.name}});
        line["socket"] = hex(socket.descriptor);
        write_json_line(out, line);
    }
}

}  // namespace panda::analyze_osi
