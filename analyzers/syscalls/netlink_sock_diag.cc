// Messages of NETLINK_SOCK_DIAG, by which ss asks for sockets.
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>

#include "analyzers/syscalls/netlink_payload.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::netlink {
namespace {

constexpr Attribute netlink_rows[] = {
    {NETLINK_DIAG_MEMINFO, indexed32, memory_index_constants},
    {NETLINK_DIAG_GROUPS, full_words},
    {NETLINK_DIAG_FLAGS, flags32, diag_netlink_flags_constants},
};
constexpr AttributeSet netlinks{diag_netlink_attribute_constants, netlink_rows};

constexpr Attribute unix_rows[] = {
    {UNIX_DIAG_NAME, text},
    {UNIX_DIAG_PEER, u32},
    {UNIX_DIAG_ICONS, words},
    {UNIX_DIAG_RQLEN, structure, nullptr, diag_unix_queues_layout},
    {UNIX_DIAG_MEMINFO, indexed32, memory_index_constants},
    {UNIX_DIAG_SHUTDOWN, u8},
    {UNIX_DIAG_UID, u32},
};
constexpr AttributeSet unixes{diag_unix_attribute_constants, unix_rows};

// RCV_SHUTDOWN and SEND_SHUTDOWN of the kernel's include/net/sock.h: 0x1 /* RCV_SHUTDOWN */.
std::optional<std::string> shutdown(const Context& context, const Payload& payload, const Attribute&) {
    const auto value = context.read_unsigned(payload.place, 1);
    if (!value)
        return address_text(payload.place);
    static constexpr const char* names[] = {nullptr, "RCV_SHUTDOWN", "SEND_SHUTDOWN",
                                            "RCV_SHUTDOWN|SEND_SHUTDOWN"};
    if (*value == 0)
        return "0";
    return hex(*value) + " /* " + (*value < std::size(names) ? names[*value] : "???_SHUTDOWN") + " */";
}

// struct inet_diag_sockopt: a bit each, those that are set.
std::optional<std::string> options(const Context& context, const Payload& payload, const Attribute&) {
    static constexpr const char* names[] = {"recverr",         "is_icsk",      "freebind",
                                            "hdrincl",         "mc_loop",      "transparent",
                                            "mc_all",          "nodefrag",     "bind_address_no_port",
                                            "recverr_rfc4884", "defer_connect"};
    if (payload.size < 2)
        return std::nullopt;
    const auto value = context.read_unsigned(payload.place, 2);
    if (!value)
        return address_text(payload.place);
    std::vector<std::string> set;
    for (size_t bit = 0; bit < std::size(names); ++bit)
        if ((*value >> bit & 1) != 0)
            set.push_back(std::string(names[bit]) + "=1");
    return list_text('{', set, '}');
}

constexpr Attribute inet_rows[] = {
    {INET_DIAG_MEMINFO, structure, nullptr, diag_inet_memory_layout},
    {INET_DIAG_CONG, text},
    {INET_DIAG_TOS, u8},
    {INET_DIAG_TCLASS, u8},
    {INET_DIAG_SKMEMINFO, indexed32, memory_index_constants},
    {INET_DIAG_SHUTDOWN, shutdown},
    {INET_DIAG_SOCKOPT, options},
    {INET_DIAG_PROTOCOL, one, ip_protocol_constants},
    {INET_DIAG_SKV6ONLY, u8},
    {INET_DIAG_MARK, u32},
    {INET_DIAG_CLASS_ID, u32},
    {INET_DIAG_CGROUP_ID, u64},
};
constexpr AttributeSet inets{diag_inet_attribute_constants, inet_rows};

constexpr Attribute inet_request_rows[] = {{INET_DIAG_REQ_PROTOCOL, one, ip_protocol_constants}};
constexpr AttributeSet inet_requests{diag_inet_request_attribute_constants, inet_request_rows};

struct Row {
    uint8_t family;
    Shape request, answer;  // without a layout: not known
};
constexpr Row shapes[] = {
    {AF_UNIX, {diag_unix_request_layout, nullptr}, {diag_unix_answer_layout, &unixes}},
    {AF_NETLINK, {diag_netlink_request_layout, nullptr}, {diag_netlink_answer_layout, &netlinks}},
    {AF_PACKET, {diag_packet_request_layout, nullptr}, {nullptr, nullptr}},
    {AF_INET, {diag_inet_request_layout, &inet_requests}, {diag_inet_answer_layout, &inets}},
    {AF_INET6, {diag_inet_request_layout, &inet_requests}, {diag_inet_answer_layout, &inets}},
};

// What programs asked before there was SOCK_DIAG_BY_FAMILY (struct inet_diag_req).
constexpr Shape old_inet_request{diag_old_inet_request_layout, &inet_requests};

}  // namespace

std::string sock_diag_text(const Context& context, uint16_t type, uint16_t flags, uint64_t place,
                           uint64_t size) {
    const auto family = context.read_unsigned(place, 1);
    const bool is_request = (flags & NLM_F_REQUEST) != 0;
    if (is_request && (type == TCPDIAG_GETSOCK || type == DCCPDIAG_GETSOCK) && size > 1)
        return shaped_text(context, old_inet_request, place, size);
    const auto* row =
        std::ranges::find_if(shapes, [&](const Row& candidate) { return candidate.family == family; });
    if (row != std::end(shapes) && size > 1) {
        const Shape& shape = is_request ? row->request : row->answer;
        if (shape.layout != nullptr)
            return shaped_text(context, shape, place, size);
    }
    return family_text(context, place, size);
}

}  // namespace panda::syscalls::netlink
