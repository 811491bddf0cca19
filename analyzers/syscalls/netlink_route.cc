// Messages of NETLINK_ROUTE: links, addresses, routes, neighbours, rules.
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "analyzers/syscalls/netlink_payload.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::netlink {
namespace {

// A struct rtnl_link_ifmap, without the padding at its end.
std::optional<std::string> map(const Context& context, const Payload& payload, const Attribute& attribute) {
    constexpr uint64_t used = 28;
    if (payload.size < used)
        return std::nullopt;
    return structure_at(context, payload.place, attribute.layout());
}

// A struct rtnl_link_stats64, whose last member (rx_otherhost_dropped) is there since 5.19 (commit 794c24e9921f).
std::optional<std::string> statistics(const Context& context, const Payload& payload,
                                      const Attribute& attribute) {
    const Layout& whole = attribute.layout();
    const Layout older = {{whole.size[0] - 8, whole.size[1] - 8},
                          whole.fields.first(whole.fields.size() - 1)};
    if (payload.size < older.size_in(context.abi()))
        return std::nullopt;
    return structure_at(context, payload.place, payload.size < whole.size_in(context.abi()) ? older : whole);
}

std::optional<std::string> address6(const Context& context, const Payload& payload,
                                    const Attribute& attribute) {
    Payload wide = payload;
    wide.address = AF_INET6;
    return address(context, wide, attribute);
}

// Those that Debian 12's headers lack: IFLA_ALLMULTI and IFLA_INET6_RA_MTU.
constexpr uint16_t allmulti = 61, ra_mtu = 9;

constexpr Attribute xdp_rows[] = {
    {IFLA_XDP_FD, s32},
    {IFLA_XDP_ATTACHED, one8, xdp_attached_constants},
    {IFLA_XDP_PROG_ID, u32},
};
constexpr AttributeSet xdp{link_xdp_attribute_constants, xdp_rows};

constexpr Attribute info_rows[] = {
    {IFLA_INFO_KIND, text},
    {IFLA_INFO_SLAVE_KIND, text},
};
constexpr AttributeSet info{link_info_attribute_constants, info_rows};

constexpr Attribute inet_rows[] = {
    {IFLA_INET_CONF, counted32, ipv4_setting_constants},
};
constexpr AttributeSet inet{link_inet_attribute_constants, inet_rows};

constexpr Attribute inet6_rows[] = {
    {IFLA_INET6_FLAGS, flags32, ipv6_link_flags_constants},
    {IFLA_INET6_CONF, signed_indexed32, ipv6_setting_constants},
    {IFLA_INET6_STATS, indexed64, ip_statistic_constants},
    {IFLA_INET6_CACHEINFO, structure, nullptr, link_inet6_cache_layout},
    {IFLA_INET6_ICMP6STATS, indexed64, icmp6_statistic_constants},
    {IFLA_INET6_TOKEN, address6},
    {IFLA_INET6_ADDR_GEN_MODE, one8, address_generation_constants},
    {ra_mtu, u32},
};
constexpr AttributeSet inet6{link_inet6_attribute_constants, inet6_rows};

// What protocols have for a link, by their families.
constexpr Attribute family_rows[] = {
    {AF_INET, nested, nullptr, nullptr, &inet},
    {AF_INET6, nested, nullptr, nullptr, &inet6},
};
constexpr AttributeSet families{address_family_constants, family_rows};

// Of if_link.h, newer than what Debian 12 builds with.
constexpr uint16_t gso_ipv4_max_size = 63, gro_ipv4_max_size = 64;

constexpr Attribute link_rows[] = {
    {IFLA_ADDRESS, hardware_address},
    {IFLA_BROADCAST, hardware_address},
    {IFLA_IFNAME, text},
    {IFLA_MTU, u32},
    {IFLA_LINK, u32},
    {IFLA_QDISC, text},
    {IFLA_MASTER, u32},
    {IFLA_TXQLEN, u32},
    {IFLA_WEIGHT, u32},
    {IFLA_OPERSTATE, u8},
    {IFLA_LINKMODE, u8},
    {IFLA_NET_NS_PID, u32},
    {IFLA_IFALIAS, text},
    {IFLA_NUM_VF, u32},
    {IFLA_GROUP, u32},
    {IFLA_NET_NS_FD, s32},
    {IFLA_PROMISCUITY, u32},
    {IFLA_NUM_TX_QUEUES, u32},
    {IFLA_NUM_RX_QUEUES, u32},
    {IFLA_CARRIER, u8},
    {IFLA_CARRIER_CHANGES, u32},
    {IFLA_LINK_NETNSID, s32},
    {IFLA_PHYS_PORT_NAME, text},
    {IFLA_PROTO_DOWN, u8},
    {IFLA_GSO_MAX_SEGS, u32},
    {IFLA_GSO_MAX_SIZE, u32},
    {gso_ipv4_max_size, u32},
    {gro_ipv4_max_size, u32},
    {IFLA_NEW_NETNSID, s32},
    {IFLA_IF_NETNSID, s32},
    {IFLA_CARRIER_UP_COUNT, u32},
    {IFLA_CARRIER_DOWN_COUNT, u32},
    {IFLA_NEW_IFINDEX, interface},
    {IFLA_MIN_MTU, u32},
    {IFLA_MAX_MTU, u32},
    {IFLA_ALT_IFNAME, text},
    {IFLA_PERM_ADDRESS, hardware_address},
    {IFLA_PARENT_DEV_NAME, text},
    {IFLA_PARENT_DEV_BUS_NAME, text},
    {IFLA_GRO_MAX_SIZE, u32},
    {IFLA_TSO_MAX_SIZE, u32},
    {IFLA_TSO_MAX_SEGS, u32},
    {IFLA_STATS, structure, nullptr, link_statistics_layout},
    {IFLA_STATS64, statistics, nullptr, link_statistics64_layout},
    {IFLA_MAP, map, nullptr, link_map_layout},
    {IFLA_AF_SPEC, nested, nullptr, nullptr, &families},
    {IFLA_LINKINFO, nested, nullptr, nullptr, &info},
    {IFLA_XDP, nested, nullptr, nullptr, &xdp},
    {IFLA_EXT_MASK, flags32, link_filter_constants},
    {allmulti, u32},
};
constexpr AttributeSet links{link_attribute_constants, link_rows};

constexpr Attribute address_rows[] = {
    {IFA_ADDRESS, address},   {IFA_LOCAL, address},
    {IFA_LABEL, text},        {IFA_BROADCAST, address},
    {IFA_ANYCAST, address},   {IFA_CACHEINFO, structure, nullptr, address_cache_layout},
    {IFA_MULTICAST, address}, {IFA_FLAGS, flags32, address_flags_constants},
    {IFA_RT_PRIORITY, u32},   {IFA_TARGET_NETNSID, s32},
};
constexpr AttributeSet addresses{address_attribute_constants, address_rows};

constexpr Attribute metric_rows[] = {
    {RTAX_LOCK, u32},       {RTAX_MTU, u32},      {RTAX_WINDOW, u32},   {RTAX_RTT, u32},
    {RTAX_RTTVAR, u32},     {RTAX_SSTHRESH, u32}, {RTAX_CWND, u32},     {RTAX_ADVMSS, u32},
    {RTAX_REORDERING, u32}, {RTAX_HOPLIMIT, u32}, {RTAX_INITCWND, u32}, {RTAX_FEATURES, u32},
    {RTAX_RTO_MIN, u32},    {RTAX_INITRWND, u32}, {RTAX_QUICKACK, u32}, {RTAX_CC_ALGO, text},
};
constexpr AttributeSet metrics{route_metric_constants, metric_rows};

constexpr Attribute route_rows[] = {
    {RTA_DST, address},
    {RTA_SRC, address},
    {RTA_IIF, interface},
    {RTA_OIF, interface},
    {RTA_GATEWAY, address},
    {RTA_PRIORITY, u32},
    {RTA_PREFSRC, address},
    {RTA_METRICS, nested, nullptr, nullptr, &metrics},
    {RTA_PROTOINFO, u32},
    {RTA_FLOW, u32},
    {RTA_CACHEINFO, structure, nullptr, route_cache_layout},
    {RTA_MP_ALGO, u32},
    {RTA_TABLE, route_table},
    {RTA_MARK, u32},
    {RTA_NEWDST, address},
    {RTA_PREF, u8},
    {RTA_EXPIRES, u64},
    {RTA_UID, u32},
    {RTA_TTL_PROPAGATE, u8},
    {RTA_IP_PROTO, u8},
    {RTA_SPORT, u16},
    {RTA_DPORT, u16},
};
constexpr AttributeSet routes{route_attribute_constants, route_rows};

constexpr Attribute neighbour_rows[] = {
    {NDA_DST, address},
    {NDA_LLADDR, hardware_address},
    {NDA_CACHEINFO, structure, nullptr, neighbour_cache_layout},
    {NDA_PROBES, u32},
    {NDA_VLAN, u16},
    {NDA_VNI, u32},
    {NDA_IFINDEX, interface},
    {NDA_MASTER, interface},
    {NDA_LINK_NETNSID, u32},
    {NDA_SRC_VNI, u32},
    {NDA_PROTOCOL, one, ip_protocol_constants},
    {NDA_NH_ID, u32},
};
constexpr AttributeSet neighbours{neighbour_attribute_constants, neighbour_rows};

constexpr Attribute rule_rows[] = {
    {FRA_DST, address},
    {FRA_SRC, address},
    {FRA_IIFNAME, text},
    {FRA_GOTO, u32},
    {FRA_PRIORITY, u32},
    {FRA_FWMARK, u32},
    {FRA_FLOW, u32},
    {FRA_SUPPRESS_IFGROUP, u32},
    {FRA_SUPPRESS_PREFIXLEN, u32},
    {FRA_TABLE, route_table},
    {FRA_FWMASK, u32},
    {FRA_OIFNAME, text},
    {FRA_L3MDEV, u8},
    {FRA_UID_RANGE, structure, nullptr, rule_range_layout},
    {FRA_PROTOCOL, one, route_protocol_constants},
    {FRA_IP_PROTO, one, ip_protocol_constants},
    {FRA_SPORT_RANGE, structure, nullptr, rule_ports_layout},
    {FRA_DPORT_RANGE, structure, nullptr, rule_ports_layout},
};
constexpr AttributeSet rules{rule_attribute_constants, rule_rows};

constexpr Attribute netns_rows[] = {
    {NETNSA_NSID, s32},        {NETNSA_PID, u32},          {NETNSA_FD, s32},
    {NETNSA_TARGET_NSID, s32}, {NETNSA_CURRENT_NSID, s32},
};
constexpr AttributeSet namespaces{netns_attribute_constants, netns_rows};

constexpr Attribute traffic_rows[] = {
    {TCA_KIND, text},     {TCA_FCNT, u32},          {TCA_CHAIN, u32},
    {TCA_HW_OFFLOAD, u8}, {TCA_INGRESS_BLOCK, u32}, {TCA_EGRESS_BLOCK, u32},
};
constexpr AttributeSet traffic{traffic_attribute_constants, traffic_rows};

constexpr Shape link_shape{interface_message_layout, &links};
constexpr Shape address_shape{address_message_layout, &addresses};
constexpr Shape route_shape{route_message_layout, &routes};
constexpr Shape neighbour_shape{neighbour_message_layout, &neighbours};
constexpr Shape rule_shape{rule_message_layout, &rules};
constexpr Shape traffic_shape{traffic_message_layout, &traffic};
constexpr Shape namespace_shape{general_message_layout, &namespaces};

struct Row {
    uint16_t first, last;  // types
    const Shape* shape;
};
constexpr Row shapes[] = {
    {RTM_NEWLINK, RTM_SETLINK, &link_shape},
    {RTM_NEWADDR, RTM_GETADDR, &address_shape},
    {RTM_NEWROUTE, RTM_GETROUTE, &route_shape},
    {RTM_NEWNEIGH, RTM_GETNEIGH, &neighbour_shape},
    {RTM_NEWRULE, RTM_GETRULE, &rule_shape},
    {RTM_NEWQDISC, RTM_GETQDISC, &traffic_shape},
    {RTM_NEWTCLASS, RTM_GETTCLASS, &traffic_shape},
    {RTM_NEWTFILTER, RTM_GETTFILTER, &traffic_shape},
    {RTM_GETMULTICAST, RTM_GETMULTICAST, &address_shape},
    {RTM_GETANYCAST, RTM_GETANYCAST, &address_shape},
    {RTM_NEWNSID, RTM_GETNSID, &namespace_shape},
};

}  // namespace

std::string route_text(const Context& context, uint16_t type, uint64_t place, uint64_t size) {
    const auto* row = std::ranges::find_if(
        shapes, [&](const Row& candidate) { return candidate.first <= type && type <= candidate.last; });
    return row == std::end(shapes) ? family_text(context, place, size)
                                   : shaped_text(context, *row->shape, place, size);
}

}  // namespace panda::syscalls::netlink
