#include "osi/linux/sockets.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "osi/linux/osi_linux.h"
#include "osi/linux/paths.h"
#include "osi/linux/socket_tables.h"
#include "osi/linux/socket_text.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr unsigned max_buffers = 4096;     // of a queue; each costs a read
constexpr uint64_t max_unix_name = 108;    // of struct sockaddr_un
constexpr uint64_t packet_search = 4096;   // bytes of struct packet_sock
constexpr uint64_t vsock_search = 64;      // bytes of struct vsock_sock before its addresses
constexpr uint32_t any_cid = 0xffff'ffff;  // VMADDR_CID_ANY, VMADDR_PORT_ANY
constexpr uint32_t all_protocols = 3;      // ETH_P_ALL

std::string number_or_any(uint32_t number) {
    return number == any_cid ? "*" : std::to_string(number);
}

}  // namespace

// A number of 1 to 8 bytes; 0 if it cannot be read or is not known.
uint64_t Sockets::field(uint64_t base, const kernelinfo::Offset& offset, unsigned size) const {
    uint64_t value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(size);
    return offset && memory_.space().read(memory_.wrap(at(base, *offset)), bytes) ? value : 0;
}

uint64_t Sockets::pointer(uint64_t base, const kernelinfo::Offset& offset) const {
    const uint64_t value = field(base, offset, memory_.pointer_size());
    return memory_.is_kernel_address(value) ? value : 0;
}

// struct socket is a part of struct socket_alloc, whose inode has the socket's number.
uint64_t Sockets::inode_of(uint64_t socket) const {
    if (socket == 0 || !info_.panda_socket_alloc_inode_offset)
        return 0;
    return field(at(socket, *info_.panda_socket_alloc_inode_offset), info_.panda_inode_i_ino_offset,
                 memory_.pointer_size());
}

std::optional<Socket> Sockets::of_file(uint64_t file) const {
    info_.need(&KernelInfo::panda_file_private_data_offset);
    info_.need(&KernelInfo::panda_socket_sk_offset);
    info_.need(&KernelInfo::panda_sock_family_offset);
    const uint64_t descriptor = pointer(file, info_.panda_file_private_data_offset);
    const uint64_t sock = descriptor != 0 ? pointer(descriptor, info_.panda_socket_sk_offset) : 0;
    if (sock == 0)
        return std::nullopt;
    auto socket = of_sock(sock);
    if (socket)
        socket->inode = inode_of(descriptor);
    return socket;
}

// What of TCP's table is not a whole socket: struct inet_timewait_sock and struct tcp_request_sock have in common with
// others only their beginning, struct sock_common.
Socket Sockets::read_part(uint64_t sock, Socket socket, uint64_t state) const {
    socket.type = sock_stream;
    socket.protocol = protocol_tcp;
    if (state == state_new_syn_recv)
        socket.state = state_name(state_syn_recv);
    else  // a connection whose program is gone may wait for its peer in this way as well
        socket.state = state_name(field(sock, info_.panda_timewait_substate_offset, 1));
    read_inet_ends(sock, socket);
    return socket;
}

std::optional<Socket> Sockets::of_sock(uint64_t sock) const {
    if (!memory_.u32(sock))
        return std::nullopt;
    Socket socket;
    socket.descriptor = sock;
    socket.family = static_cast<uint32_t>(field(sock, info_.panda_sock_family_offset, 2));
    socket.network = field(pointer(sock, info_.panda_sock_net_offset), info_.panda_net_inum_offset, 4);
    const uint64_t state = field(sock, info_.panda_sock_state_offset, 1);
    const bool is_inet = socket.family == af_inet || socket.family == af_inet6;
    if (is_inet && (state == state_time_wait || state == state_new_syn_recv))
        return read_part(sock, std::move(socket), state);
    socket.inode = inode_of(pointer(sock, info_.panda_sock_socket_offset));
    socket.type = static_cast<uint32_t>(field(sock, info_.panda_sock_type_offset, 2));
    // 8 bits until 5.6 (commit bf9765145b85); numbers above are of MPTCP alone.
    socket.protocol = static_cast<uint32_t>(field(sock, info_.panda_sock_protocol_offset, 2));
    socket.state = state_name(state);
    switch (socket.family) {
        case af_inet:
        case af_inet6:
            read_inet_ends(sock, socket);
            read_inet_queues(sock, socket);
            break;
        case af_unix:
            read_unix(sock, socket);
            break;
        case af_netlink:
            read_netlink(sock, socket);
            break;
        case af_packet:
            read_packet(sock, socket);
            break;
        case af_vsock:
            read_vsock(sock, socket);
            break;
        default:
            break;
    }
    return socket;
}

void Sockets::read_memory_queues(uint64_t sock, Socket& socket) const {
    socket.receive_queue = field(sock, info_.panda_sock_rmem_alloc_offset, 4);
    const uint64_t send = field(sock, info_.panda_sock_wmem_alloc_offset, 4);
    socket.send_queue = send == 0 ? 0 : send - 1;  // the socket itself counts as 1 (sk_wmem_alloc_get())
}

void Sockets::read_inet_ends(uint64_t sock, Socket& socket) const {
    const bool wide = socket.family == af_inet6;
    // struct sock_common has the bit skc_ipv6only in the byte behind skc_state.
    constexpr uint64_t ipv6_only = 1 << 5;
    const bool any = wide && info_.panda_sock_state_offset &&
                     (field(sock, *info_.panda_sock_state_offset + 1, 1) & ipv6_only) == 0;
    const auto endpoint = [&](const kernelinfo::Offset& place, uint64_t port) {
        std::array<uint8_t, 16> bytes{};
        const auto read = std::as_writable_bytes(std::span(bytes)).first(wide ? 16 : 4);
        if (place && !memory_.space().read(memory_.wrap(at(sock, *place)), read))
            bytes = {};
        return endpoint_text(bytes, wide, any, port);
    };
    const uint64_t peer_port = ntohs(static_cast<uint16_t>(field(sock, info_.panda_sock_dport_offset, 2)));
    socket.local = endpoint(wide ? info_.panda_sock_v6_rcv_saddr_offset : info_.panda_sock_rcv_saddr_offset,
                            field(sock, info_.panda_sock_num_offset, 2));
    socket.peer =
        endpoint(wide ? info_.panda_sock_v6_daddr_offset : info_.panda_sock_daddr_offset, peer_port);
}

// What tcp_diag_get_info(), udp_diag_get_info() and raw_diag_get_info() tell.
void Sockets::read_inet_queues(uint64_t sock, Socket& socket) const {
    if (socket.type != sock_stream || socket.protocol != protocol_tcp) {
        read_memory_queues(sock, socket);
        if (socket.protocol == protocol_udp || socket.protocol == protocol_udplite)
            socket.receive_queue -=
                std::min(socket.receive_queue, field(sock, info_.panda_udp_forward_deficit_offset, 4));
        return;
    }
    if (socket.state == state_name(state_listen)) {
        socket.receive_queue = field(sock, info_.panda_sock_ack_backlog_offset, 4);
        socket.send_queue = field(sock, info_.panda_sock_max_ack_backlog_offset, 4);
        return;
    }
    const auto distance = [&](const kernelinfo::Offset& from, const kernelinfo::Offset& to) {
        const auto bytes = static_cast<int32_t>(static_cast<uint32_t>(field(sock, to, 4)) -
                                                static_cast<uint32_t>(field(sock, from, 4)));
        return static_cast<uint64_t>(std::max(bytes, 0));
    };
    socket.receive_queue = distance(info_.panda_tcp_copied_seq_offset, info_.panda_tcp_rcv_nxt_offset);
    socket.send_queue = distance(info_.panda_tcp_snd_una_offset, info_.panda_tcp_write_seq_offset);
}

std::string Sockets::unix_name(uint64_t sock) const {
    const uint64_t address = pointer(sock, info_.panda_unix_addr_offset);
    const uint64_t length = address != 0 ? field(address, info_.panda_unix_address_len_offset, 4) : 0;
    if (length <= 2 || length > max_unix_name + 2 || !info_.panda_unix_address_name_offset)
        return "*";
    std::string path(length - 2, '\0');  // behind the family
    if (!memory_.space().read(at(address, *info_.panda_unix_address_name_offset) + 2,
                              std::as_writable_bytes(std::span(path))))
        return "*";
    if (path.front() != '\0')
        return path.substr(0, path.find('\0'));
    // An abstract name is all of its bytes.
    std::replace(path.begin(), path.end(), '\0', '@');
    return path;
}

// What unix_inq_len() of net/unix/af_unix.c tells: all bytes of a stream, or those of the next datagram.
uint64_t Sockets::unix_queue(uint64_t sock, const Socket& socket) const {
    if (!info_.panda_sock_receive_queue_offset || !info_.panda_skb_len_offset || !info_.panda_skb_next_offset)
        return 0;
    const uint64_t queue = memory_.wrap(at(sock, *info_.panda_sock_receive_queue_offset));
    if (socket.state == state_name(state_listen))
        return field(queue, info_.panda_skb_head_qlen_offset, 4);
    uint64_t bytes = 0;
    uint64_t buffer = pointer(queue, info_.panda_skb_next_offset);
    for (unsigned count = 0; buffer != 0 && buffer != queue && count < max_buffers; ++count) {
        bytes += field(buffer, info_.panda_skb_len_offset, 4);
        if (socket.type == sock_dgram)
            break;
        if (info_.panda_skb_cb_offset && info_.panda_unix_skb_consumed_offset)
            bytes -= std::min(bytes, field(at(buffer, *info_.panda_skb_cb_offset),
                                           info_.panda_unix_skb_consumed_offset, 4));
        buffer = pointer(buffer, info_.panda_skb_next_offset);
    }
    return bytes;
}

void Sockets::read_unix(uint64_t sock, Socket& socket) const {
    read_memory_queues(sock, socket);
    socket.receive_queue = unix_queue(sock, socket);
    if (socket.state == state_name(state_listen))
        socket.send_queue = field(sock, info_.panda_sock_max_ack_backlog_offset, 4);
    socket.local = unix_name(sock);
    socket.peer = "*";
    if (const uint64_t peer = pointer(sock, info_.panda_unix_peer_offset)) {
        socket.peer = unix_name(peer);
        socket.peer_inode = inode_of(pointer(peer, info_.panda_sock_socket_offset));
    }
}

void Sockets::read_netlink(uint64_t sock, Socket& socket) const {
    read_memory_queues(sock, socket);
    socket.state = state_name(state_close);
    const kernelinfo::Offset& port = info_.panda_netlink_portid_offset;
    const uint64_t number = field(sock, port, 4);
    socket.local = netlink_name(socket.protocol) + ":" + (number == 0 ? "kernel" : std::to_string(number));
    // struct netlink_sock has the peer's number and group behind the socket's own.
    const uint64_t peer = port ? field(sock, *port + 4, 4) : 0;
    const uint64_t group = port ? field(sock, *port + 8, 4) : 0;
    socket.peer = peer == 0 && group == 0 ? "*" : std::to_string(group) + "/" + std::to_string(peer);
}

// struct packet_sock is known only to its module. It has a struct packet_type, which points back to it, so this
// looks for the pointer.
void Sockets::read_packet(uint64_t sock, Socket& socket) const {
    read_memory_queues(sock, socket);
    socket.state = state_name(state_close);
    socket.peer = "*";
    if (!info_.panda_packet_type_priv_offset || !info_.panda_packet_type_dev_offset || !info_.panda_sock_size)
        return;
    const uint64_t word = memory_.pointer_size();
    const uint64_t start = memory_.wrap(at(sock, *info_.panda_sock_size)) / word * word;
    for (uint64_t place = start; place < start + packet_search; place += word) {
        if (memory_.pointer(place) != sock)
            continue;
        const uint64_t hook = place - static_cast<uint64_t>(*info_.panda_packet_type_priv_offset);
        const auto protocol = ntohs(static_cast<uint16_t>(field(hook, kernelinfo::Offset(0), 2)));
        const uint64_t device = pointer(hook, info_.panda_packet_type_dev_offset);
        const std::string interface =
            device != 0 && info_.panda_net_device_name_offset
                ? memory_.string(at(device, *info_.panda_net_device_name_offset), 16).value_or("?")
                : "*";
        socket.local = protocol == all_protocols ? "*" : "[" + std::to_string(protocol) + "]";
        socket.local += ":";
        socket.local += interface;
        return;
    }
}

// struct vsock_sock is known only to its module. Its two addresses, of 16 bytes each, come soon after what all
// sockets have, and begin with their family.
void Sockets::read_vsock(uint64_t sock, Socket& socket) const {
    if (!info_.panda_sock_size)
        return;
    const uint64_t start = memory_.wrap(at(sock, *info_.panda_sock_size));
    for (uint64_t place = start; place < start + vsock_search; place += 4) {
        if ((memory_.u32(place).value_or(0) & 0xffff) != af_vsock)
            continue;
        const auto endpoint = [&](uint64_t address) {
            return number_or_any(memory_.u32(address + 8).value_or(any_cid)) + ":" +
                   number_or_any(memory_.u32(address + 4).value_or(any_cid));
        };
        socket.local = endpoint(place);
        socket.peer = endpoint(place + 16);
        return;
    }
}

List<OpenSocket> OsiLinux::sockets(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    const Sockets reader(memory, info_);
    const Paths paths(memory, info_);
    List<OpenFile> open = files(point, handle);
    List<OpenSocket> list;
    list.warning = std::move(open.warning);
    for (const OpenFile& file : open.entries) {
        if (paths.file_system_of(file.descriptor) != "sockfs")
            continue;
        if (auto socket = reader.of_file(file.descriptor))
            list.entries.push_back({file.fd, std::move(*socket)});
        else if (list.warning.empty())
            list.warning = "the list of sockets is incomplete: some cannot be read";
    }
    return list;
}

std::optional<Socket> OsiLinux::socket(const Point& point, const ProcessHandle& handle, int64_t fd) const {
    const auto open = file(point, handle, fd);
    const KernelMemory memory = kernel_memory(point);
    if (!open || Paths(memory, info_).file_system_of(open->descriptor) != "sockfs")
        return std::nullopt;
    return Sockets(memory, info_).of_file(open->descriptor);
}

List<Socket> OsiLinux::known_sockets(const Point& point) const {
    const KernelMemory memory = kernel_memory(point);
    const Sockets reader(memory, info_);
    List<Socket> list;
    list.warning = SocketTables(memory, info_, slide()).walk([&](uint64_t sock) {
        if (auto socket = reader.of_sock(sock))
            list.entries.push_back(std::move(*socket));
    });
    return list;
}

}  // namespace panda::osi::linux_guest
