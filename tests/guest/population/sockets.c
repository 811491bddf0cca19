/* Sockets of every kind, in every state that lasts, with something in their queues. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "population.h"

static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static int make(int family, int type, int protocol) {
    return check(socket(family, type, protocol), "socket");
}

static void send_text(int socket, size_t size) {
    check((int)send(socket, text, size, 0), "send");
}

/* Binds to the loopback address, and any port; fills in the address. */
static void bind_inet(int socket, struct sockaddr_in* address) {
    socklen_t size = sizeof(*address);

    memset(address, 0, sizeof(*address));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(socket, (struct sockaddr*)address, sizeof(*address)), "bind");
    check(getsockname(socket, (struct sockaddr*)address, &size), "getsockname");
}

static void open_inet(void) {
    struct sockaddr_in address;
    const int listener = make(AF_INET, SOCK_STREAM, 0);
    const int client = make(AF_INET, SOCK_STREAM, 0);
    const int waiting = make(AF_INET, SOCK_STREAM, 0);
    const int receiver = make(AF_INET, SOCK_DGRAM, 0);
    const int sender = make(AF_INET, SOCK_DGRAM, 0);
    int server;
    char byte[5];

    bind_inet(listener, &address);
    check(listen(listener, 5), "listen");
    check(connect(client, (struct sockaddr*)&address, sizeof(address)), "connect");
    server = check(accept(listener, NULL, NULL), "accept");
    check(connect(waiting, (struct sockaddr*)&address, sizeof(address)), "connect");
    send_text(client, 36);
    check((int)recv(server, byte, sizeof(byte), MSG_WAITALL), "recv");
    bind_inet(receiver, &address);
    check(connect(sender, (struct sockaddr*)&address, sizeof(address)), "connect");
    send_text(sender, 20);
    send_text(sender, 30);
    make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    make(AF_INET, SOCK_STREAM, 0);
    make(AF_INET, SOCK_DGRAM, 0);
    /* Closed at one end. */
    close(waiting);
}

static void open_inet6(void) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(8053)};
    const int one = 1;
    int listener, client, udp;

    /* Not every kernel has it. */
    listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener < 0)
        return;
    check(bind(listener, (struct sockaddr*)&address, sizeof(address)), "bind");
    check(listen(listener, 7), "listen");
    udp = make(AF_INET6, SOCK_DGRAM, 0);
    check(setsockopt(udp, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), "setsockopt");
    check(bind(udp, (struct sockaddr*)&address, sizeof(address)), "bind");
    client = make(AF_INET6, SOCK_STREAM, 0);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
    check(connect(client, (struct sockaddr*)&address, sizeof(address)), "connect");
    check(accept(listener, NULL, NULL), "accept");
}

static void bind_unix(int socket, const char* name, size_t length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, name, length);
    check(bind(socket, (struct sockaddr*)&address, offsetof(struct sockaddr_un, sun_path) + length), "bind");
}

static void connect_unix(int socket, const char* name, size_t length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, name, length);
    check(connect(socket, (struct sockaddr*)&address, offsetof(struct sockaddr_un, sun_path) + length),
          "connect");
}

static void open_unix(void) {
    static const char path[] = "/tmp/a socket";
    static const char abstract[] = "\0an\0abstract name";
    int pair[2];
    const int listener = make(AF_UNIX, SOCK_STREAM, 0);
    const int client = make(AF_UNIX, SOCK_STREAM, 0);
    const int waiting = make(AF_UNIX, SOCK_STREAM, 0);
    const int datagrams = make(AF_UNIX, SOCK_DGRAM, 0);
    const int sender = make(AF_UNIX, SOCK_DGRAM, 0);

    bind_unix(listener, path, sizeof(path));
    check(listen(listener, 5), "listen");
    connect_unix(client, path, sizeof(path));
    check(accept(listener, NULL, NULL), "accept");
    connect_unix(waiting, path, sizeof(path));
    bind_unix(datagrams, abstract, sizeof(abstract) - 1);
    connect_unix(sender, abstract, sizeof(abstract) - 1);
    send_text(sender, 12);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    send_text(pair[0], 10);
    send_text(pair[0], 20);
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
    check(dup2(pair[0], 200), "dup2");
}

static void open_others(void) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
    const int route = make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    const int events = make(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
    int packets;

    check(bind(route, (struct sockaddr*)&address, sizeof(address)), "bind");
    /* The second one of a process has a number of its own, which is far above process ids. */
    check(bind(make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), (struct sockaddr*)&address, sizeof(address)),
          "bind");
    address.nl_pid = 77777;
    check(bind(events, (struct sockaddr*)&address, sizeof(address)), "bind");
    /* Not every guest has it. */
    packets = socket(AF_PACKET, SOCK_DGRAM, 0);
    if (packets < 0)
        return;
    link.sll_ifindex = (int)if_nametoindex("lo");
    check(bind(packets, (struct sockaddr*)&link, sizeof(link)), "bind");
    make(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

void open_sockets(void) {
    open_inet();
    open_inet6();
    open_unix();
    open_others();
}
