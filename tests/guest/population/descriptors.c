/* Open files of every kind. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "population.h"

static int create(const char* path, off_t size) {
    const int file = check(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), path);

    check(ftruncate(file, size), path);
    return file;
}

static void open_anonymous_inodes(void) {
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    check(memfd_create("a memory file", 0), "memfd_create");
    check(eventfd(7, 0), "eventfd");
    check(epoll_create1(0), "epoll_create1");
    check(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    check(signalfd(-1, &signals, 0), "signalfd");
    check(inotify_init1(0), "inotify_init1");
    check((int)syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open");
}

void open_files(void) {
    char bytes[100];
    const int file = create("/tmp/data", 1 << 20);
    const int deleted = create("/tmp/deleted", 5000);
    /* Beyond 32-bit positions, and past its end. */
    const int large = create("/tmp/large", 100);

    check((int)lseek(file, 12345, SEEK_SET), "lseek");
    check((int)read(file, bytes, sizeof(bytes)), "read");
    check((int)lseek(deleted, 4999, SEEK_SET), "lseek");
    check(unlink("/tmp/deleted"), "unlink");
    if (lseek(large, (off_t)5 << 32, SEEK_SET) < 0)
        check(-1, "lseek");
    check(open("/tmp/data", O_WRONLY | O_APPEND), "open");
    check(open("/tmp", O_RDONLY | O_DIRECTORY), "open");
    check(open("/tmp/data", O_PATH), "open");
    check(open("/dev/null", O_RDWR), "open");
    check(open("/proc/self/ns/mnt", O_RDONLY), "open");
    check(open("/proc/version", O_RDONLY), "open");
    create("/tmp/name with\nnew line \\ and \xc3\xa4", 10);
    check(mkdir("/tmp/a", 0755), "mkdir");
    create("/tmp/a/a-file-whose-name-is-longer-than-what-a-dentry-keeps-in-itself", 10);
    open_anonymous_inodes();
    /* So high that the table of files is made anew. */
    check(dup2(file, 300), "dup2");
}

/* Two processes, an end each, and a named pipe. */
void open_pipe(void) {
    int ends[2];

    check(pipe(ends), "pipe");
    check(mkfifo("/tmp/fifo", 0644), "mkfifo");
    check(open("/tmp/fifo", O_RDWR), "open");
    if (check(fork(), "fork") == 0) {
        close(ends[1]);
        for (;;)
            pause();
    }
    close(ends[0]);
}
