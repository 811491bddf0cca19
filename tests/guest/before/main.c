/* Opens sockets, marks the moment, and only then uses them. Prints what each is: "INODE FAMILY TYPE ROLE LOCAL PEER", as
 * panda-analyze net writes it, with - for nothing. */
#include <arpa/inet.h>
#include <cpuid.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int used[32], count;

static int check(int result) {
    if (result < 0) {
        perror("before");
        exit(1);
    }
    return result;
}

/* The name of one end. which: getsockname or getpeername. */
static void print_end(int fd, int (*which)(int, struct sockaddr*, socklen_t*)) {
    union {
        struct sockaddr any;
        struct sockaddr_in inet;
        struct sockaddr_in6 inet6;
        struct sockaddr_un local;
        struct sockaddr_nl netlink;
    } name;
    char text[INET6_ADDRSTRLEN];
    socklen_t size = sizeof(name);

    memset(&name, 0, sizeof(name));
    if (which(fd, &name.any, &size) < 0)
        printf(" -");
    else if (name.any.sa_family == AF_INET && name.inet.sin_port != 0)
        printf(" %s:%u", inet_ntop(AF_INET, &name.inet.sin_addr, text, sizeof(text)),
               ntohs(name.inet.sin_port));
    else if (name.any.sa_family == AF_INET6 && name.inet6.sin6_port != 0)
        printf(" [%s]:%u", inet_ntop(AF_INET6, &name.inet6.sin6_addr, text, sizeof(text)),
               ntohs(name.inet6.sin6_port));
    else if (name.any.sa_family == AF_UNIX && size > offsetof(struct sockaddr_un, sun_path))
        printf(" %s", name.local.sun_path);
    else if (name.any.sa_family == AF_NETLINK && name.netlink.nl_pid != 0)
        printf(" pid %u", name.netlink.nl_pid);
    else
        printf(" -");
}

static int keep(int fd, const char* family, const char* type, const char* role) {
    struct stat status;

    check(fstat(check(fd), &status));
    printf("%lu %s %s %s", (unsigned long)status.st_ino, family, type, role);
    print_end(fd, getsockname);
    print_end(fd, getpeername);
    printf("\n");
    used[count++] = fd;
    return fd;
}

int main(void) {
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(5353)};
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/tmp/before.socket"};
    struct sockaddr_nl netlink = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof(inet);
    unsigned int a, b, c, d;
    int i, fd, client, pair[2];

    check(bind(fd = socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr*)&inet, sizeof(inet)));
    check(listen(fd, 5));
    check(getsockname(fd, (struct sockaddr*)&inet, &size));
    client = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(client, (struct sockaddr*)&inet, sizeof(inet)));
    keep(accept(fd, NULL, NULL), "inet", "stream", "-");
    keep(client, "inet", "stream", "-");
    keep(fd, "inet", "stream", "listener");
    check(bind(fd = socket(AF_INET6, SOCK_DGRAM, 0), (struct sockaddr*)&inet6, sizeof(inet6)));
    keep(fd, "inet6", "dgram", "-");
    check(bind(fd = socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr*)&local, sizeof(local)));
    keep(fd, "unix", "dgram", "-");
    check(connect(client = socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr*)&local, sizeof(local)));
    keep(client, "unix", "dgram", "-");
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    keep(pair[0], "unix", "seqpacket", "-");
    for (i = 0; i < 2; i++) {
        check(bind(fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), (struct sockaddr*)&netlink,
                   sizeof(netlink)));
        keep(fd, "netlink", "raw", "-");
    }
    fflush(stdout);
    __cpuid_count(0x50414e44, 1, a, b, c, d);
    /* A call that changes nothing: the address is too short. */
    for (i = 0; i < count; i++)
        bind(used[i], (struct sockaddr*)&inet, 1);
    return 0;
}
