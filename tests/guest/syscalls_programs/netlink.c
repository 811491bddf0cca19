/* Messages on netlink sockets: links, addresses, routes, neighbours and rules; sockets as ss asks for them; families. */
#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/genetlink.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned char buffer[65536];

static struct {
    struct nlmsghdr head;
    char payload[256];
} request;

static void *begin(int type, int flags, size_t size) {
    static int sequence = 1;

    memset(&request, 0, sizeof(request));
    request.head.nlmsg_len = NLMSG_LENGTH(size);
    request.head.nlmsg_type = type;
    request.head.nlmsg_flags = NLM_F_REQUEST | flags;
    request.head.nlmsg_seq = sequence++;
    return request.payload;
}

static void add(int type, const void *data, size_t size) {
    struct rtattr *attribute = (void *)((char *)&request + NLMSG_ALIGN(request.head.nlmsg_len));

    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(size);
    memcpy(RTA_DATA(attribute), data, size);
    request.head.nlmsg_len = NLMSG_ALIGN(request.head.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

/* Sends, and receives up to the end of what comes. */
static void ask(int netlink) {
    struct nlmsghdr *head;
    long size;
    int more = 1;

    if (send(netlink, &request, request.head.nlmsg_len, 0) < 0)
        return;
    while (more && (size = recv(netlink, buffer, sizeof(buffer), 0)) > 0)
        for (head = (void *)buffer; NLMSG_OK(head, size); head = NLMSG_NEXT(head, size))
            more = (head->nlmsg_flags & NLM_F_MULTI) != 0 && head->nlmsg_type != NLMSG_DONE;
}

/* A socket with a number: before it has one, strace does not know its protocol. */
static int open_netlink(int type, int protocol) {
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    const int netlink = socket(AF_NETLINK, type | SOCK_CLOEXEC, protocol);

    bind(netlink, (const struct sockaddr *)&address, sizeof(address));
    return netlink;
}

static void routes(void) {
    static const int dumps[] = {RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETRULE, RTM_GETNSID};
    const int netlink = open_netlink(SOCK_RAW, NETLINK_ROUTE);
    const unsigned filter = RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS;
    const unsigned table = RT_TABLE_LOCAL;
    const struct in_addr address = {htonl(0x7f000005)};
    struct ifinfomsg *link;
    struct ifaddrmsg *message;
    struct rtmsg *route;
    unsigned i;

    link = begin(RTM_GETLINK, NLM_F_DUMP, sizeof(*link));
    add(IFLA_EXT_MASK, &filter, sizeof(filter));
    ask(netlink);
    begin(RTM_GETLINK, NLM_F_DUMP, 1);
    ask(netlink);
    link = begin(RTM_GETLINK, 0, sizeof(*link));
    link->ifi_index = 77;
    add(IFLA_IFNAME, "nothing", 8);
    ask(netlink);
    for (i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
        ((struct rtgenmsg *)begin(dumps[i], NLM_F_DUMP, sizeof(struct rtmsg)))->rtgen_family = i == 1 ? AF_INET : AF_UNSPEC;
        ask(netlink);
    }
    message = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(*message));
    message->ifa_family = AF_INET;
    message->ifa_prefixlen = 8;
    message->ifa_scope = RT_SCOPE_HOST;
    message->ifa_index = 1;
    add(IFA_LOCAL, &address, sizeof(address));
    add(IFA_ADDRESS, &address, sizeof(address));
    add(IFA_LABEL, "lo:five", 8);
    ask(netlink);
    message = begin(RTM_DELADDR, NLM_F_ACK, sizeof(*message));
    message->ifa_family = AF_INET;
    message->ifa_prefixlen = 8;
    message->ifa_index = 1;
    add(IFA_LOCAL, &address, sizeof(address));
    ask(netlink);
    route = begin(RTM_GETROUTE, 0, sizeof(*route));
    route->rtm_family = AF_INET;
    route->rtm_dst_len = 32;
    add(RTA_DST, &address, sizeof(address));
    add(RTA_TABLE, &table, sizeof(table));
    ask(netlink);
    begin(RTM_GETQDISC, NLM_F_DUMP, 4);
    ask(netlink);
    close(netlink);
}

static void sockets(void) {
    const int netlink = open_netlink(SOCK_DGRAM, NETLINK_SOCK_DIAG);
    const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/netlink-test"};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    struct netlink_diag_req *of_netlink;
    struct unix_diag_req *of_unix;
    struct inet_diag_req_v2 *of_inet;

    bind(listener, (const struct sockaddr *)&name, sizeof(name));
    listen(listener, 3);
    listen(tcp, 3);
    of_netlink = begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*of_netlink));
    of_netlink->sdiag_family = AF_NETLINK;
    of_netlink->sdiag_protocol = NETLINK_ROUTE;
    of_netlink->ndiag_show = NDIAG_SHOW_MEMINFO | NDIAG_SHOW_GROUPS;
    ask(netlink);
    of_unix = begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*of_unix));
    of_unix->sdiag_family = AF_UNIX;
    of_unix->udiag_states = 1 << 10 | 1 << 1;
    of_unix->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO;
    ask(netlink);
    of_inet = begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*of_inet));
    of_inet->sdiag_family = AF_INET;
    of_inet->sdiag_protocol = IPPROTO_TCP;
    of_inet->idiag_ext = 1 << (INET_DIAG_MEMINFO - 1) | 1 << (INET_DIAG_CONG - 1);
    of_inet->idiag_states = 1 << 10;
    ask(netlink);
    of_inet->sdiag_family = AF_INET6;
    ask(netlink);
    unlink(name.sun_path);
    close(netlink);
}

static void families(void) {
    const int netlink = open_netlink(SOCK_RAW, NETLINK_GENERIC);
    struct genlmsghdr *message = begin(GENL_ID_CTRL, 0, sizeof(*message));

    message->cmd = CTRL_CMD_GETFAMILY;
    message->version = 1;
    add(CTRL_ATTR_FAMILY_NAME, "nlctrl", 7);
    ask(netlink);
    close(netlink);
}

int main(void) {
    routes();
    sockets();
    families();
    return 0;
}
