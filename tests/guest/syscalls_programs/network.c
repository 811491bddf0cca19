// A server and its client on the loopback interface: TCP, UDP, Unix sockets, descriptors passed on, epoll, select.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void client(struct sockaddr_in* address) {
    char text[100];
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connect(fd, (struct sockaddr*)address, sizeof *address);
    struct iovec parts[2] = {{"GET / ", 6}, {"HTTP/1.0\r\n\r\n", 12}};
    writev(fd, parts, 2);
    struct pollfd wanted = {fd, POLLIN, 0};
    poll(&wanted, 1, 2000);
    recv(fd, text, sizeof text, 0);
    shutdown(fd, SHUT_RDWR);
    close(fd);
    _exit(0);
}

static void serve(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char text[100];
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bind(listener, (struct sockaddr*)&address, sizeof address);
    listen(listener, 5);
    getsockname(listener, (struct sockaddr*)&address, &size);
    if (fork() == 0)
        client(&address);
    int fd = accept(listener, (struct sockaddr*)&address, &size);
    int events = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
    epoll_wait(events, &event, 1, 2000);
    recv(fd, text, sizeof text, 0);
    send(fd, "HTTP/1.0 200 OK\r\n\r\nhello", 24, MSG_NOSIGNAL);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &one, &size);
    recv(fd, text, sizeof text, 0);
    close(fd);
    wait(NULL);
}

static void datagrams(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char text[100];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bind(fd, (struct sockaddr*)&address, sizeof address);
    getsockname(fd, (struct sockaddr*)&address, &size);
    sendto(fd, "ping", 4, 0, (struct sockaddr*)&address, size);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    struct timeval timeout = {2, 0};
    select(fd + 1, &readable, NULL, NULL, &timeout);
    recvfrom(fd, text, sizeof text, MSG_DONTWAIT, (struct sockaddr*)&address, &size);
    recvfrom(fd, text, sizeof text, MSG_DONTWAIT, NULL, NULL);
}

static void pass_descriptor(void) {
    int pair[2], control_fd = 1;
    char byte = 'x';
    char control[CMSG_SPACE(sizeof control_fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof control_fd);
    memcpy(CMSG_DATA(header), &control_fd, sizeof control_fd);
    sendmsg(pair[0], &message, 0);
    recvmsg(pair[1], &message, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(fd, (struct sockaddr*)&name, sizeof name);
    unlink("/tmp/socket");
}

int main(void) {
    serve();
    datagrams();
    pass_descriptor();
    return 0;
}
