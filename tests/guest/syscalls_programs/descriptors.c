// Descriptors of every kind, for strace -y: files, directories, pipes, sockets, devices, deleted files, odd names.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    char bytes[64];
    int ends[2], pair[2];
    struct stat status;
    mkdir("/tmp/odd <names>", 0755);
    chdir("/tmp/odd <names>");
    int file = open("a\nb 1\"2", O_RDWR | O_CREAT | O_TRUNC, 0600);
    write(file, "text", 4);
    int copy = dup(file);
    lseek(copy, 0, SEEK_SET);
    pread(copy, bytes, 4, 0);
    unlink("a\nb 1\"2");
    fstat(file, &status);
    ftruncate(file, 100);
    void* place = mmap(NULL, 100, PROT_READ, MAP_PRIVATE, file, 0);
    munmap(place, 100);
    close(copy);
    int directory = open("/proc/self", O_RDONLY | O_DIRECTORY);
    int inside = openat(directory, "status", O_RDONLY);
    read(inside, bytes, sizeof bytes);
    faccessat(directory, "exe", F_OK, 0);
    DIR* list = fdopendir(directory);
    readdir(list);
    closedir(list);
    pipe2(ends, O_CLOEXEC);
    struct iovec part = {"x", 1};
    writev(ends[1], &part, 1);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    splice(ends[0], NULL, open("/dev/null", O_WRONLY), NULL, 1, 0);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[0], "y", 1, 0);
    struct pollfd both[2] = {{pair[1], POLLIN, 0}, {ends[0], POLLIN, 0}};
    poll(both, 2, 0);
    int events = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.fd = pair[1]}};
    epoll_ctl(events, EPOLL_CTL_ADD, pair[1], &event);
    epoll_wait(events, &event, 1, 0);
    eventfd(3, EFD_NONBLOCK);
    timerfd_create(CLOCK_MONOTONIC, 0);
    int memory = memfd_create("shared <memory>", 0);
    ftruncate(memory, 4096);
    dup2(memory, 100);
    fcntl(100, F_DUPFD, 50);
    close(77);
    fstatat(AT_FDCWD, ".", &status, 0);
    if (fork() == 0) {
        close(file);
        _exit(0);
    }
    wait(NULL);
    return 0;
}
