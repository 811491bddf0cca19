#include "osi/linux/socket_tables.h"

#include <algorithm>

#include "osi/linux/list.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::Address;
using kernelinfo::Offset;

constexpr uint64_t max_buckets = uint64_t{1} << 24;  // of one table: 16 for each MiB of 1 TiB
constexpr uint64_t max_chain = uint64_t{1} << 16;    // sockets of one bucket
constexpr uint64_t max_sockets = uint64_t{1} << 22;  // of all
// The kernel's own numbers, which are in no type.
constexpr uint64_t old_listening_buckets = 32;  // INET_LHTABLE_SIZE
constexpr uint64_t raw_buckets = 256;           // RAW_HTABLE_SIZE
constexpr uint64_t unix_buckets = 512;          // UNIX_HASH_SIZE; before 6.0, two tables of 256 in one
constexpr uint64_t netlink_protocols = 32;      // MAX_LINKS
constexpr uint64_t rhashtable_lock = 1;         // of struct rhash_lock_head

}  // namespace

std::string SocketTables::walk(const std::function<void(uint64_t)>& visit) {
    visit_ = visit;
    if (!info_.panda_sock_node_offset)
        return {};
    walk_tcp();
    walk_udp();
    walk_raw(info_.panda_raw_v4_hashinfo_addr);
    walk_raw(info_.panda_raw_v6_hashinfo_addr);
    if (const uint64_t table = variable(info_.panda_unix_socket_table_addr))
        walk_buckets(table, unix_buckets, memory_.pointer_size(), info_.panda_sock_node_offset);
    walk_netlink();
    walk_networks();
    return warning_;
}

uint64_t SocketTables::variable(const Address& linked) const {
    return linked ? memory_.wrap(*linked + slide_) : 0;
}

uint64_t SocketTables::pointer(uint64_t base, const Offset& offset) const {
    return base != 0 ? memory_.follow(base, offset).value_or(0) : 0;
}

uint64_t SocketTables::count(uint64_t base, const Offset& mask) const {
    const auto value = mask ? memory_.u32(at(base, *mask)) : std::nullopt;
    return value ? std::min(uint64_t{*value} + 1, max_buckets) : 0;
}

// Lists end with zero, or with an odd number (include/linux/list_nulls.h, include/linux/rhashtable.h), and so does one
// that is empty. lock: the bits of the head that are a lock.
void SocketTables::walk_bucket(uint64_t head, const Offset& node, uint64_t lock) {
    uint64_t link = memory_.pointer(head).value_or(0) & ~lock;
    for (uint64_t step = 0; memory_.is_kernel_address(link) && (link & 1) == 0; ++step) {
        if (step == max_chain || ++sockets_ > max_sockets) {
            warning_ = "the list of sockets is incomplete: the kernel's tables do not end";
            return;
        }
        visit_(memory_.wrap(link - static_cast<uint64_t>(*node)));
        const auto next = memory_.pointer(link);
        if (!next) {
            warning_ = "the list of sockets is incomplete: the kernel's tables cannot be read";
            return;
        }
        link = *next;
    }
}

void SocketTables::walk_buckets(uint64_t first, uint64_t buckets, uint64_t step, const Offset& node,
                                uint64_t lock) {
    for (uint64_t i = 0; i < buckets && warning_.empty(); ++i)
        walk_bucket(first + i * step, node, lock);
}

void SocketTables::walk_tcp() {
    const uint64_t table = variable(info_.panda_tcp_hashinfo_addr);
    if (table == 0)
        return;
    // A bucket of connections is only the head of its list.
    if (const uint64_t buckets = pointer(table, info_.panda_inet_hashinfo_ehash_offset))
        walk_buckets(buckets, count(table, info_.panda_inet_hashinfo_ehash_mask_offset),
                     memory_.pointer_size(), info_.panda_sock_node_offset);
    if (!info_.panda_listen_bucket_head_offset || !info_.panda_listen_bucket_size)
        return;
    const auto size = static_cast<uint64_t>(*info_.panda_listen_bucket_size);
    if (info_.panda_inet_hashinfo_listening_hash_offset)
        walk_buckets(at(at(table, *info_.panda_inet_hashinfo_listening_hash_offset),
                        *info_.panda_listen_bucket_head_offset),
                     old_listening_buckets, size, info_.panda_sock_node_offset);
    else if (const uint64_t buckets = pointer(table, info_.panda_inet_hashinfo_lhash2_offset))
        walk_buckets(at(buckets, *info_.panda_listen_bucket_head_offset),
                     count(table, info_.panda_inet_hashinfo_lhash2_mask_offset), size,
                     info_.panda_sock_node_offset);
}

void SocketTables::walk_udp() {
    const uint64_t table = variable(info_.panda_udp_table_addr);
    const uint64_t buckets = pointer(table, info_.panda_udp_table_hash_offset);
    if (buckets == 0 || !info_.panda_udp_hslot_head_offset || !info_.panda_udp_hslot_size)
        return;
    walk_buckets(at(buckets, *info_.panda_udp_hslot_head_offset),
                 count(table, info_.panda_udp_table_mask_offset),
                 static_cast<uint64_t>(*info_.panda_udp_hslot_size), info_.panda_sock_node_offset);
}

void SocketTables::walk_raw(const Address& table) {
    if (table && info_.panda_raw_hashinfo_ht_offset)
        walk_buckets(at(variable(table), *info_.panda_raw_hashinfo_ht_offset), raw_buckets,
                     memory_.pointer_size(), info_.panda_sock_node_offset);
}

// A struct netlink_table for each protocol, with a hash table that grows (struct rhashtable).
void SocketTables::walk_netlink() {
    const uint64_t place = variable(info_.panda_nl_table_addr);
    const uint64_t tables = place != 0 ? memory_.pointer(place).value_or(0) : 0;
    if (!memory_.is_kernel_address(tables) || !info_.panda_netlink_table_size ||
        !info_.panda_netlink_node_offset || !info_.panda_bucket_table_size_offset ||
        !info_.panda_bucket_table_buckets_offset)
        return;
    for (uint64_t protocol = 0; protocol < netlink_protocols; ++protocol) {
        const uint64_t table = tables + protocol * static_cast<uint64_t>(*info_.panda_netlink_table_size);
        const uint64_t buckets = pointer(table, info_.panda_netlink_table_tbl_offset);
        if (buckets == 0)
            continue;
        const uint64_t number = memory_.u32(at(buckets, *info_.panda_bucket_table_size_offset)).value_or(0);
        walk_buckets(at(buckets, *info_.panda_bucket_table_buckets_offset), std::min(number, max_buckets),
                     memory_.pointer_size(), info_.panda_netlink_node_offset, rhashtable_lock);
    }
}

// What each network namespace has for itself: the table of unix sockets since 6.0, and the list of packet sockets.
void SocketTables::walk_networks() {
    if (!info_.panda_net_namespace_list_addr || !info_.panda_net_list_offset)
        return;
    const std::string warning =
        walk_list(memory_, variable(info_.panda_net_namespace_list_addr), [&](uint64_t node) {
            const uint64_t net = memory_.wrap(node - static_cast<uint64_t>(*info_.panda_net_list_offset));
            if (const uint64_t buckets = pointer(net, info_.panda_net_unx_buckets_offset))
                walk_buckets(buckets, unix_buckets, memory_.pointer_size(), info_.panda_sock_node_offset);
            if (info_.panda_net_packet_sklist_offset)
                walk_bucket(at(net, *info_.panda_net_packet_sklist_offset), info_.panda_sock_node_offset);
            return warning_.empty();
        });
    if (!warning.empty() && warning_.empty())
        warning_ = "the list of sockets is incomplete: " + warning;
}

}  // namespace panda::osi::linux_guest
