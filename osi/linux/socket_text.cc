#include "osi/linux/socket_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

namespace panda::osi::linux_guest {

std::string state_name(uint64_t state) {
    static constexpr const char* names[] = {"UNKNOWN",    "ESTAB",      "SYN-SENT",  "SYN-RECV",
                                            "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
                                            "CLOSE-WAIT", "LAST-ACK",   "LISTEN",    "CLOSING"};
    return state < std::size(names) ? names[state] : "state " + std::to_string(state);
}

std::string inet_text(const std::array<uint8_t, 16>& address, bool wide) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(wide ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
    return text;
}

std::string endpoint_text(const std::array<uint8_t, 16>& address, bool wide, bool any, uint64_t port) {
    const bool zero = std::all_of(address.begin(), address.end(), [](uint8_t byte) { return byte == 0; });
    std::string text = any && zero ? "*" : inet_text(address, wide);
    if (text.find(':') != std::string::npos)
        text = "[" + text + "]";
    return text + ":" + (port == 0 ? "*" : std::to_string(port));
}

std::string netlink_name(uint32_t protocol) {
    static constexpr const char* names[] = {
        "rtnl",  "unused",     "usersock",   "fw",        "tcpdiag", "nflog",  "xfrm",   "selinux",
        "iscsi", "audit",      "fiblookup",  "connector", "nft",     "ip6fw",  "dec-rt", "uevent",
        "genl",  "netlink 17", "scsi-trans", "ecryptfs",  "rdma",    "crypto", "smc"};
    return protocol < std::size(names) ? names[protocol] : "netlink " + std::to_string(protocol);
}

}  // namespace panda::osi::linux_guest
