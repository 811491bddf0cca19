// Sockets, and what stands between a file and its path, on a guest made by hand.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "analyzers/osi/socket_report.h"
#include "common/error.h"
#include "osi/linux/socket_text.h"
#include "osi_memory_guest.h"

using namespace panda;
using namespace panda::osi;
using namespace panda::osi::linux_guest;
using namespace panda::osi::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// Places in the structures of this guest; all other keys of sockets have places too.
constexpr uint64_t socks = 0xa0000;    // 0x800 apart
constexpr uint64_t sockets = 0xb0000;  // struct socket_alloc, 0x40 apart: sk at 8, the inode at 16
constexpr uint64_t extras = 0xc0000;
constexpr unsigned sock_bytes = 0x100;

struct SocketsGuest : MemoryGuest {
    SocketsGuest() {
        // A file system of the name "sockfs", in whose root are all sockets.
        memory.put(dentries + 56, base + extras);
        memory.put(extras + 8, base + extras + 0x10);
        memory.put(extras + 0x10, base + extras + 0x20);
        memory.put_text(extras + 0x20, "sockfs");
        info.panda_file_private_data_offset = 24;
        info.panda_socket_sk_offset = 8;
        info.panda_socket_alloc_inode_offset = 16;
        info.panda_sock_daddr_offset = 0;
        info.panda_sock_rcv_saddr_offset = 4;
        info.panda_sock_dport_offset = 8;
        info.panda_sock_num_offset = 10;
        info.panda_sock_family_offset = 12;
        info.panda_sock_state_offset = 14;
        info.panda_sock_v6_daddr_offset = 16;
        info.panda_sock_v6_rcv_saddr_offset = 32;
        info.panda_sock_type_offset = 48;
        info.panda_sock_protocol_offset = 50;
        info.panda_sock_rmem_alloc_offset = 52;
        info.panda_sock_wmem_alloc_offset = 56;
        info.panda_sock_ack_backlog_offset = 60;
        info.panda_sock_max_ack_backlog_offset = 64;
        info.panda_sock_receive_queue_offset = 72;  // next, then the length at 16
        info.panda_sock_socket_offset = 96;
        info.panda_sock_size = sock_bytes;
        info.panda_tcp_rcv_nxt_offset = 0x100;
        info.panda_tcp_copied_seq_offset = 0x104;
        info.panda_tcp_write_seq_offset = 0x108;
        info.panda_tcp_snd_una_offset = 0x10c;
        info.panda_udp_forward_deficit_offset = 0x110;
        info.panda_unix_addr_offset = 0x100;
        info.panda_unix_peer_offset = 0x108;
        info.panda_unix_address_len_offset = 4;
        info.panda_unix_address_name_offset = 8;
        info.panda_skb_next_offset = 0;
        info.panda_skb_len_offset = 8;
        info.panda_skb_cb_offset = 16;
        info.panda_unix_skb_consumed_offset = 4;
        info.panda_skb_head_qlen_offset = 16;
        info.panda_netlink_portid_offset = 0x104;
        info.panda_packet_type_dev_offset = 8;
        info.panda_packet_type_priv_offset = 24;
        info.panda_net_device_name_offset = 4;
    }
    // Opens socket `index` as that number. Returns where its struct sock is, physically.
    uint64_t add(unsigned index, uint16_t family, uint16_t type, uint16_t protocol, uint8_t state) {
        const uint64_t sock = socks + index * 0x800;
        const uint64_t socket = sockets + index * 0x40;
        add_file(index, 0, 0);
        open_file(index, index, 0);
        memory.put(files + index * 0x20 + 24, base + socket);
        memory.put(socket + 8, base + sock);
        memory.put<uint64_t>(socket + 16 + 8, 1000 + index);
        memory.put(sock + 12, family);
        memory.put(sock + 14, state);
        memory.put(sock + 48, type);
        memory.put(sock + 50, protocol);
        memory.put<uint32_t>(sock + 56, 1);
        memory.put(sock + 72, base + sock + 72);
        memory.put(sock + 96, base + socket);
        return sock;
    }
    void put_bytes(uint64_t address, const std::vector<uint8_t>& bytes) {
        for (size_t i = 0; i < bytes.size(); ++i)
            memory.put(address + i, bytes[i]);
    }
    void name_unix(uint64_t sock, uint64_t place, const std::string& path) {
        memory.put(sock + 0x100, base + place);
        memory.put<uint32_t>(place + 4, static_cast<uint32_t>(path.size()) + 2);
        put_bytes(place + 10, {path.begin(), path.end()});
    }
    Socket socket(int64_t fd) const {
        return OsiLinux(info, Attachment{0, FakeGuest::top_table}).socket(point(), handle(), fd).value();
    }
};

}  // namespace

TEST_CASE_METHOD(SocketsGuest, "TCP and UDP sockets, with addresses and queues") {
    const uint64_t server = add(0, 2, 1, 6, 10);
    memory.put<uint16_t>(server + 10, 80);
    memory.put<uint32_t>(server + 60, 2);
    memory.put<uint32_t>(server + 64, 128);
    Socket found = socket(0);
    CHECK(found.state == "LISTEN");
    CHECK(found.local == "0.0.0.0:80");
    CHECK(found.peer == "0.0.0.0:*");
    CHECK(found.receive_queue == 2);
    CHECK(found.send_queue == 128);
    CHECK(found.inode == 1000);
    CHECK(found.descriptor == base + server);

    const uint64_t client = add(1, 2, 1, 6, 1);
    put_bytes(client, {10, 0, 2, 2, 127, 0, 0, 1, 0x1f, 0x90});
    memory.put<uint16_t>(client + 10, 40000);
    memory.put<uint32_t>(client + 0x100, 5);  // numbers wrap
    memory.put<uint32_t>(client + 0x104, 0xffffffff);
    memory.put<uint32_t>(client + 0x108, 120);
    memory.put<uint32_t>(client + 0x10c, 20);
    found = socket(1);
    CHECK(found.state == "ESTAB");
    CHECK(found.local == "127.0.0.1:40000");
    CHECK(found.peer == "10.0.2.2:8080");
    CHECK(found.receive_queue == 6);
    CHECK(found.send_queue == 100);

    const uint64_t both = add(2, 10, 2, 17, 7);
    memory.put<uint16_t>(both + 10, 53);
    memory.put<uint32_t>(both + 52, 2000);
    memory.put<uint32_t>(both + 56, 301);
    memory.put<uint32_t>(both + 0x110, 500);
    found = socket(2);
    CHECK(found.local == "*:53");
    CHECK(found.peer == "*:*");
    CHECK(found.state == "UNCONN");
    CHECK(found.receive_queue == 1500);
    CHECK(found.send_queue == 300);
    memory.put<uint8_t>(both + 15, 0x20);  // IPv6 only
    CHECK(socket(2).local == "[::]:53");
    put_bytes(both + 32, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    CHECK(socket(2).local == "[::1]:53");
}

TEST_CASE_METHOD(SocketsGuest, "unix sockets have names, peers and queues") {
    const uint64_t listener = add(0, 1, 1, 0, 10);
    name_unix(listener, extras + 0x100, "/run/a");
    memory.put<uint32_t>(listener + 72 + 16, 3);
    memory.put<uint32_t>(listener + 64, 5);
    CHECK(socket(0).local == "/run/a");
    CHECK(socket(0).peer == "*");
    CHECK(socket(0).receive_queue == 3);
    CHECK(socket(0).send_queue == 5);

    const uint64_t one = add(1, 1, 1, 0, 1);
    const uint64_t other = add(2, 1, 1, 0, 1);
    name_unix(other, extras + 0x200, std::string("\0ab\0c", 5));
    memory.put(one + 0x108, base + other);
    // Two buffers, of the first of which 10 bytes were read.
    const uint64_t buffers = extras + 0x300;
    memory.put(one + 72, base + buffers);
    memory.put(buffers, base + buffers + 0x40);
    memory.put<uint32_t>(buffers + 8, 100);
    memory.put<uint32_t>(buffers + 20, 10);
    memory.put(buffers + 0x40, base + one + 72);
    memory.put<uint32_t>(buffers + 0x48, 7);
    CHECK(socket(1).local == "*");
    CHECK(socket(1).peer == "@ab@c");
    CHECK(socket(1).peer_inode == 1002);
    CHECK(socket(1).receive_queue == 97);
    CHECK(socket(2).local == "@ab@c");
    memory.put<uint16_t>(one + 48, 2);  // datagrams: the next one counts, and whole
    CHECK(socket(1).receive_queue == 100);
    memory.put(buffers, base + buffers);  // in a circle
    memory.put<uint16_t>(one + 48, 1);
    CHECK(socket(1).receive_queue > 0);
}

TEST_CASE_METHOD(SocketsGuest, "netlink, packet and vsock sockets") {
    const uint64_t netlink = add(0, 16, 3, 0, 1);
    memory.put<uint32_t>(netlink + 0x104, 0xf0000001);
    CHECK(socket(0).local == "rtnl:4026531841");
    CHECK(socket(0).peer == "*");
    CHECK(socket(0).state == "UNCONN");
    memory.put<uint32_t>(netlink + 0x104, 0);
    memory.put<uint16_t>(netlink + 50, 15);
    CHECK(socket(0).local == "uevent:kernel");

    const uint64_t packet = add(1, 17, 3, 0, 0);
    CHECK(socket(1).local.empty());
    const uint64_t hook = packet + 0x240;
    put_bytes(hook, {0, 3});
    memory.put(hook + 24, base + packet);
    CHECK(socket(1).local == "*:*");
    memory.put(hook + 8, base + extras + 0x400);
    memory.put_text(extras + 0x404, "eth0");
    CHECK(socket(1).local == "*:eth0");
    put_bytes(hook, {8, 6});
    CHECK(socket(1).local == "[2054]:eth0");

    const uint64_t vsock = add(2, 40, 1, 0, 10);
    put_bytes(vsock + 0x108, {40, 0, 0, 0, 0xd2, 4, 0, 0, 0xff, 0xff, 0xff, 0xff});
    put_bytes(vsock + 0x118, {40, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0});
    CHECK(socket(2).local == "*:1234");
    CHECK(socket(2).peer == "2:*");
    CHECK(socket(2).state == "LISTEN");
}

TEST_CASE_METHOD(SocketsGuest, "what is not a socket is left out, and a group may lack the keys") {
    add(0, 2, 1, 6, 10);
    add_file(1, 1, 4);
    open_file(1, 1, 0);
    memory.put(dentries + 4 * 0x80 + 56, base + extras + 0x500);
    const OsiLinux provider(info, Attachment{0, FakeGuest::top_table});
    CHECK(provider.sockets(point(), handle()).entries.size() == 1);
    CHECK_FALSE(provider.socket(point(), handle(), 1));
    CHECK_FALSE(provider.socket(point(), handle(), 5));
    info.panda_socket_sk_offset.reset();
    CHECK_THROWS_AS(OsiLinux(info, Attachment{0, FakeGuest::top_table}).sockets(point(), handle()), Error);
}

TEST_CASE_METHOD(SocketsGuest, "sockets are listed once, with those who have them") {
    using namespace panda::analyze_osi;
    memory.put<uint16_t>(add(0, 2, 1, 6, 10) + 10, 80);
    open_file(3, 0, 0);
    const OsiLinux provider(info, Attachment{0, FakeGuest::top_table});
    const SocketReport report = make_socket_report(provider, point(), 7);
    std::ostringstream table;
    write_table(table, report);
    CHECK_THAT(table.str(), ContainsSubstring("\ntcp    LISTEN          0      0 0.0.0.0:80"));
    CHECK_THAT(table.str(), ContainsSubstring(" users:((\"cat\",pid=7,fd=0),(\"cat\",pid=7,fd=3))\n"));
    std::ostringstream json;
    write_json(json, report);
    CHECK_THAT(json.str(), ContainsSubstring("\"netid\":\"tcp\",\"family\":\"inet\",\"type\":\"stream\""));
    CHECK_THAT(json.str(), ContainsSubstring("\"users\":[{\"pid\":7,\"fd\":0,\"name\":\"cat\"},"));
}

TEST_CASE_METHOD(SocketsGuest, "sockets that no process has open are in the kernel's tables") {
    using namespace panda::analyze_osi;
    constexpr uint64_t tcp = extras + 0x1000, buckets = extras + 0x1100, listeners = extras + 0x1200;
    constexpr uint64_t net = extras + 0x1300, unix_table = extras + 0x2000;
    constexpr uint64_t netlink = extras + 0x1400, netlink_buckets = extras + 0x1500, head = extras + 0x1600;
    constexpr int64_t node = 0x70, network = 0x80;
    info.panda_sock_node_offset = node;
    info.panda_sock_net_offset = network;
    info.panda_net_inum_offset = 16;
    info.panda_tcp_hashinfo_addr = base + tcp;
    info.panda_inet_hashinfo_ehash_offset = 0;
    info.panda_inet_hashinfo_ehash_mask_offset = 8;
    info.panda_inet_hashinfo_lhash2_offset = 16;
    info.panda_inet_hashinfo_lhash2_mask_offset = 12;
    info.panda_timewait_substate_offset = 0x90;
    info.panda_listen_bucket_head_offset = 8;
    info.panda_listen_bucket_size = 16;
    info.panda_net_namespace_list_addr = base + head;
    info.panda_net_list_offset = 0;
    info.panda_net_unx_buckets_offset = 24;
    info.panda_nl_table_addr = base + extras + 0x1700;
    info.panda_netlink_table_tbl_offset = 0;
    info.panda_netlink_table_size = 8;
    info.panda_bucket_table_size_offset = 0;
    info.panda_bucket_table_buckets_offset = 8;
    info.panda_netlink_node_offset = 0x130;

    // A listener that the process has open, and a connection that only waits, in the same namespace.
    const uint64_t listener = add(0, 2, 1, 6, 10);
    memory.put<uint16_t>(listener + 10, 80);
    memory.put(listener + network, base + net);
    memory.put<uint32_t>(net + 16, 4026531840);
    memory.put(tcp, base + buckets);
    memory.put<uint32_t>(tcp + 8, 1);
    memory.put<uint32_t>(tcp + 12, 0);
    memory.put(tcp + 16, base + listeners);
    memory.put(listeners + 8, base + listener + node);
    memory.put<uint64_t>(listener + node, 5);  // an odd number ends the list
    const uint64_t waiting = socks + 7 * 0x800;
    put_bytes(waiting, {10, 0, 2, 2, 127, 0, 0, 1, 0x1f, 0x90});
    memory.put<uint16_t>(waiting + 10, 40000);
    memory.put<uint16_t>(waiting + 12, 2);
    memory.put<uint8_t>(waiting + 14, 6);
    memory.put<uint8_t>(waiting + 0x90, 5);
    memory.put(buckets + 8, base + waiting + node);
    memory.put<uint64_t>(buckets, 1);
    memory.put<uint64_t>(waiting + node, 3);
    // A unix socket in its namespace's table, and a netlink socket of the kernel.
    memory.put(head, base + net);
    memory.put(net, base + head);
    memory.put(net + 24, base + unix_table);
    const uint64_t local = add(1, 1, 1, 0, 1);
    memory.put(unix_table + 511 * 8, base + local + node);
    memory.put<uint64_t>(sockets + 0x40 + 8, 0);  // whose file is gone
    memory.put<uint64_t>(local + 96, 0);
    const uint64_t kernel = socks + 6 * 0x800;
    memory.put<uint16_t>(kernel + 12, 16);
    memory.put(extras + 0x1700, base + netlink);
    memory.put(netlink, base + netlink_buckets);
    memory.put<uint32_t>(netlink_buckets, 2);
    memory.put(netlink_buckets + 16, (base + kernel + 0x130) | 1);  // locked
    memory.put<uint64_t>(kernel + 0x130, 0);

    const OsiLinux provider(info, Attachment{0, FakeGuest::top_table});
    const auto list = provider.known_sockets(point());
    CHECK(list.warning.empty());
    REQUIRE(list.entries.size() == 4);
    CHECK(list.entries[0].state == "FIN-WAIT-2");
    CHECK(list.entries[0].local == "127.0.0.1:40000");
    CHECK(list.entries[0].peer == "10.0.2.2:8080");
    CHECK(list.entries[0].inode == 0);
    CHECK(list.entries[1].inode == 1000);
    CHECK(list.entries[1].network == 4026531840);
    CHECK(list.entries[2].local == "rtnl:kernel");
    CHECK(list.entries[3].descriptor == base + local);

    // The one that is open is listed once.
    const SocketReport report = make_socket_report(provider, point(), std::nullopt);
    std::ostringstream table;
    write_table(table, report);
    CHECK_THAT(table.str(), ContainsSubstring("FIN-WAIT-2"));
    CHECK(std::ranges::count_if(report.sockets, [](const SharedSocket& one) { return one.users.empty(); }) >=
          2);
    CHECK(std::ranges::count_if(report.sockets,
                                [&](const SharedSocket& one) { return one.socket.inode == 1000; }) == 1);

    SECTION("in a circle") {
        memory.put(waiting + node, base + waiting + node);
        CHECK_THAT(provider.known_sockets(point()).warning, ContainsSubstring("do not end"));
    }
    SECTION("a group without the keys tells none") {
        info.panda_sock_node_offset.reset();
        CHECK(OsiLinux(info, Attachment{0, FakeGuest::top_table}).known_sockets(point()).entries.empty());
    }
}

TEST_CASE("a file of a stacked file system has the path that its user knows") {
    MemoryGuest guest;
    // File 0 is /mnt/dir/file in the file system below; the user's path, behind the struct file, is /mnt.
    guest.info.panda_file_f_mode_offset = 0x1c;
    guest.info.panda_backing_file_user_path_offset = 0x40;
    guest.info.panda_path_mnt_offset = 0;
    guest.info.panda_path_dentry_offset = 8;
    guest.memory.put(dentries + 56, base + others + 0x100);         // the super block of "/"
    guest.memory.put(dentries + 0x80 + 56, base + others + 0x100);  // and of "/mnt"
    guest.memory.put(files + 0x40, guest.vfsmount(0));
    guest.memory.put(files + 0x48, base + dentries + 0x80);
    CHECK(guest.path(0) == "/mnt/dir/file");
    for (const uint32_t flag : {1u << 24, 1u << 25}) {
        guest.memory.put(files + 0x1c, flag | 5);
        CHECK(guest.path(0) == "/mnt");
    }
    // The flag has another meaning, and what is behind the file is not a path.
    guest.memory.put(dentries + 0x80 + 56, base + others + 0x200);
    CHECK(guest.path(0) == "/mnt/dir/file");
    guest.memory.put<uint64_t>(files + 0x48, 0x1234);
    CHECK(guest.path(0) == "/mnt/dir/file");
}
