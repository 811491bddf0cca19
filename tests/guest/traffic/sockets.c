/* Sockets, in every way that moves bytes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traffic.h"

enum { large = 400000 };
static char bytes[large];
static struct iovec parts[2] = {{bytes, 700}, {bytes + 1000, 33}};

static void read_whole(int fd, long size) {
    for (long done = 0; done < size;)
        done += have_read(fd, read(fd, bytes, (size_t)(size - done)));
}

/* Makes each kind of call once, then sends more than the kernel takes at once; 0 bytes at the end. */
static const long stream_bytes = 10 + 11 + 12 + 733 + 733 + 733 + 500 + 300 + large;

static void send_all_ways(int fd) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    const int file = opened(open("/tmp/traffic.d/one", O_RDONLY));
    int ends[2];
    long moved;
    have_written(fd, write(fd, bytes, 10));
    have_written(fd, send(fd, bytes, 11, 0));
    have_written(fd, sendto(fd, bytes, 12, MSG_NOSIGNAL, NULL, 0));
    have_written(fd, writev(fd, parts, 2));
    have_written(fd, pwritev2(fd, parts, 2, -1, 0));
    have_written(fd, sendmsg(fd, &message, 0));
    moved = sendfile(fd, file, NULL, 500);
    have_read(file, moved);
    have_written(fd, moved);
    check(pipe(ends), "pipe");
    have_written(ends[1], write(ends[1], bytes, 300));
    moved = splice(ends[0], NULL, fd, NULL, 300, 0);
    have_read(ends[0], moved);
    have_written(fd, moved);
    for (long done = 0; done < large;)
        done += have_written(fd, write(fd, bytes, (size_t)(large - done)));
    close(ends[0]);
    close(ends[1]);
    close(file);
}

static void receive_all_ways(int fd) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int ends[2];
    long moved;
    /* Not there yet, or only looked at: nothing has been received. */
    if (recv(fd, bytes, 10, MSG_DONTWAIT | MSG_PEEK) < 0 && errno != EAGAIN)
        check(-1, "recv");
    check(recv(fd, bytes, 10, MSG_PEEK), "recv");
    moved = have_read(fd, read(fd, bytes, 10));
    moved += have_read(fd, recv(fd, bytes, 11, 0));
    moved += have_read(fd, recvfrom(fd, bytes, 12, 0, NULL, NULL));
    moved += have_read(fd, readv(fd, parts, 2));
    moved += have_read(fd, preadv2(fd, parts, 2, -1, 0));
    moved += have_read(fd, recvmsg(fd, &message, 0));
    check(pipe(ends), "pipe");
    const long through = splice(fd, NULL, ends[1], NULL, 400, 0);
    have_read(fd, through);
    have_written(ends[1], through);
    have_read(ends[0], read(ends[0], bytes, large));
    close(ends[0]);
    close(ends[1]);
    read_whole(fd, stream_bytes - moved - through);
    check(have_read(fd, recv(fd, bytes, large, 0)) == 0 ? 0 : -1, "end of the stream");
}

/* A server, its client in another process, and a second client that finds nobody. */
static void talk(int family, const struct sockaddr* given, socklen_t size, int bound) {
    struct sockaddr_storage here, there;
    struct sockaddr* local = (void*)&here;
    struct sockaddr* peer = (void*)&there;
    socklen_t length = sizeof here;
    const int listener = made_socket(socket(family, SOCK_STREAM, 0), family, SOCK_STREAM, "listener");
    int fd;
    memset(&there, 0, sizeof there);
    check(bind(listener, given, size), "bind");
    told_of_socket(listener, NULL, given, NULL);
    if (bound) {
        check(getsockname(listener, local, &length), "getsockname");
        told_of_socket(listener, NULL, local, NULL);
    } else {
        memcpy(&here, given, size);
        length = size;
    }
    check(listen(listener, 3), "listen");
    if (check(fork(), "fork") == 0) {
        fd = made_socket(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), family, SOCK_STREAM, "client");
        check(connect(fd, local, length), "connect");
        told_of_socket(fd, NULL, NULL, local);
        if (bound) {
            length = sizeof there;
            check(getsockname(fd, peer, &length), "getsockname");
            told_of_socket(fd, NULL, peer, NULL);
        }
        send_all_ways(fd);
        check(shutdown(fd, SHUT_WR), "shutdown");
        read_whole(fd, 1000);
        _exit(0);
    }
    length = sizeof there;
    if (bound)
        fd = accepted_socket((int)check(accept(listener, peer, &length), "accept"), listener, peer);
    else
        fd = accepted_socket((int)check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4"), listener, NULL);
    receive_all_ways(fd);
    have_written(fd, send(fd, bytes, 1000, 0));
    close(fd);
    close(listener);
    check(wait(NULL), "wait");
    fd = made_socket(socket(family, SOCK_STREAM, 0), family, SOCK_STREAM, "client");
    length = family == AF_UNIX ? size : (socklen_t)sizeof here;
    check(connect(fd, local, length) < 0 && errno == ECONNREFUSED ? 0 : -1, "connect to nobody");
    told_of_socket(fd, NULL, NULL, local);
    failed_to_connect(fd, "ECONNREFUSED");
    close(fd);
}

static struct sockaddr_in loopback(void) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int datagram_socket(struct sockaddr_in* address) {
    socklen_t size = sizeof *address;
    const int fd = made_socket(socket(AF_INET, SOCK_DGRAM, 0), AF_INET, SOCK_DGRAM, "");
    *address = loopback();
    check(bind(fd, (void*)address, size), "bind");
    check(getsockname(fd, (void*)address, &size), "getsockname");
    told_of_socket(fd, NULL, (void*)address, NULL);
    return fd;
}

static void send_datagrams(void) {
    struct sockaddr_in first, second, from;
    struct sockaddr* to = (void*)&second;
    socklen_t size = sizeof first;
    const int sender = datagram_socket(&first);
    const int receiver = datagram_socket(&second);
    struct msghdr message = {.msg_name = to, .msg_namelen = size, .msg_iov = parts, .msg_iovlen = 2};
    struct mmsghdr several[3] = {{.msg_hdr = message}, {.msg_hdr = message}, {.msg_hdr = message}};
    long total = 0;
    int count;
    have_written(sender, sendto(sender, bytes, 20, 0, to, size));
    told_of_socket(sender, NULL, NULL, to);
    have_written(sender, sendmsg(sender, &message, 0));
    several[1].msg_hdr.msg_iovlen = 1;
    check(sendmmsg(sender, several, 3, 0) == 3 ? 0 : -1, "sendmmsg");
    have_written(sender, 733 + 700 + 733);

    have_read(receiver, recvfrom(receiver, bytes, 500, 0, (void*)&from, &size));
    told_of_socket(receiver, NULL, NULL, (void*)&from);
    memset(&from, 0, sizeof from);
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iovlen = 1; /* too short: what does not fit is lost */
    have_read(receiver, recvmsg(receiver, &message, 0));
    told_of_socket(receiver, NULL, NULL, (void*)&from);
    for (int i = 0; i < 3; ++i)
        several[i].msg_hdr = (struct msghdr){.msg_iov = parts, .msg_iovlen = 2};
    count = (int)check(recvmmsg(receiver, several, 3, MSG_DONTWAIT, NULL), "recvmmsg");
    for (int i = 0; i < count; ++i)
        total += several[i].msg_len;
    check(count == 3 && total == 2166 ? 0 : -1, "three datagrams");
    have_read(receiver, total);

    /* A connected socket need not name its peer. */
    check(connect(receiver, (void*)&first, sizeof first), "connect");
    told_of_socket(receiver, "client", NULL, (void*)&first);
    have_written(receiver, write(receiver, bytes, 40));
    have_read(sender, read(sender, bytes, large));
    close(sender);
    close(receiver);
}

/* Only messages tell to whom these talk. */
static void name_in_messages(int several) {
    struct sockaddr_in first, second, from;
    const int sender = datagram_socket(&first);
    const int receiver = datagram_socket(&second);
    struct mmsghdr message = {.msg_hdr = {.msg_name = &second, .msg_namelen = sizeof second, .msg_iov = parts, .msg_iovlen = 2}};
    if (several)
        check(sendmmsg(sender, &message, 1, 0) == 1 ? 0 : -1, "sendmmsg");
    have_written(sender, several ? (long)message.msg_len : (long)sendmsg(sender, &message.msg_hdr, 0));
    told_of_socket(sender, NULL, NULL, (void*)&second);
    message.msg_hdr.msg_name = &from;
    if (several)
        check(recvmmsg(receiver, &message, 1, 0, NULL) == 1 ? 0 : -1, "recvmmsg");
    have_read(receiver, several ? (long)message.msg_len : (long)recvmsg(receiver, &message.msg_hdr, 0));
    told_of_socket(receiver, NULL, NULL, (void*)&from);
    close(sender);
    close(receiver);
}

static int unnamed_pair(int type, int* pair) {
    check(socketpair(AF_UNIX, type, 0, pair), "socketpair");
    made_socket(pair[0], AF_UNIX, type, "");
    made_socket(pair[1], AF_UNIX, type, "");
    return pair[0];
}

/* Both ends in two processes, through descriptors that are shared and copied. */
static void use_pairs(void) {
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int pair[2];
    for (int i = 0; i < 3; ++i) {
        unnamed_pair(types[i], pair);
        if (check(fork(), "fork") == 0) {
            const int copy = (int)check(dup(pair[1]), "dup");
            have_read(copy, read(copy, bytes, 60));
            have_written(pair[1], write(pair[1], bytes, 61));
            have_written(pair[0], send(pair[0], bytes, 62, 0));
            _exit(0);
        }
        have_written(pair[0], write(pair[0], bytes, 60));
        check(wait(NULL), "wait");
        have_read(pair[0], recv(pair[0], bytes, 61, 0));
        have_read(pair[1], recv(pair[1], bytes, 62, 0));
        close(pair[0]);
        close(pair[1]);
    }
}

/* A file that came with a message is read by the process that got it. */
static void pass_descriptor(void) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int pair[2], fd;
    unnamed_pair(SOCK_STREAM, pair);
    if (check(fork(), "fork") == 0) {
        have_read(pair[1], recvmsg(pair[1], &message, 0));
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        have_read(fd, read(fd, bytes, 70));
        _exit(0);
    }
    fd = opened(open("/tmp/traffic.d/one", O_RDONLY));
    control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    have_written(pair[0], sendmsg(pair[0], &message, 0));
    check(wait(NULL), "wait");
    close(fd);
    close(pair[0]);
    close(pair[1]);
}

/* A socket takes less than it is given without waiting, and then nothing. */
static void fill_up(void) {
    int pair[2];
    long sent = 0, moved;
    unnamed_pair(SOCK_STREAM, pair);
    while ((moved = send(pair[0], bytes, large, MSG_DONTWAIT)) >= 0)
        sent += have_written(pair[0], moved);
    check(errno == EAGAIN && sent > 0 ? 0 : -1, "a full socket");
    read_whole(pair[1], sent);
    close(pair[0]);
    close(pair[1]);
}

void use_sockets(void) {
    const struct sockaddr_in in = loopback();
    const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/tmp/traffic.d/socket"};
    talk(AF_INET, (const void*)&in, sizeof in, 1);
    talk(AF_INET6, (const void*)&in6, sizeof in6, 1);
    talk(AF_UNIX, (const void*)&path, sizeof path, 0);
    send_datagrams();
    name_in_messages(0);
    name_in_messages(1);
    use_pairs();
    pass_descriptor();
    fill_up();
}
