/* Files, in every way that moves bytes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traffic.h"

enum { large = 70001 };
static char bytes[large];

static struct iovec parts[3] = {{bytes, 1000}, {bytes + 5000, 17}, {bytes + 9000, 60}};

static void write_all_ways(void) {
    const int fd = opened(open("/tmp/traffic.d/one", O_RDWR | O_CREAT | O_TRUNC, 0600));
    have_written(fd, write(fd, bytes, large));
    have_written(fd, write(fd, bytes, 0));
    have_written(fd, pwrite(fd, bytes, 77, 3));
    have_written(fd, writev(fd, parts, 3));
    have_written(fd, pwritev(fd, parts, 2, 100));
    have_written(fd, pwritev2(fd, parts, 3, -1, 0));
    check(close(fd), "close");
}

static void read_all_ways(void) {
    const int fd = opened(open("/tmp/traffic.d/one", O_RDONLY));
    have_read(fd, read(fd, bytes, 12345));
    have_read(fd, pread(fd, bytes, 55, 9));
    have_read(fd, readv(fd, parts, 3));
    have_read(fd, preadv(fd, parts, 2, 50));
    have_read(fd, preadv2(fd, parts, 3, 71000, 0));
    while (have_read(fd, read(fd, bytes, 4096)) > 0) {
    }
    /* The file is not open for this, so nothing moves. */
    check(write(fd, bytes, 1) < 0 ? 0 : -1, "write to a file that is only to be read");
    check(close(fd), "close");
}

static void open_all_ways(void) {
    struct open_how how = {.flags = O_RDWR};
    const int directory = opened(open("/tmp/traffic.d", O_RDONLY | O_DIRECTORY));
    int fd = opened(creat("/tmp/traffic.d/created", 0600));
    have_written(fd, write(fd, bytes, 10));
    close(fd);
    check(symlink("created", "/tmp/traffic.d/link"), "symlink");
    fd = opened(openat(directory, "link", O_RDWR));
    have_read(fd, read(fd, bytes, 4));
    close(fd);
    /* The directory works; it is the program that is told where to begin. */
    fd = opened(open("../traffic.d/./created", O_RDWR | O_APPEND));
    have_written(fd, write(fd, bytes, 6));
    close(fd);
    fd = (int)syscall(SYS_openat2, directory, "created", &how, sizeof how);
    if (fd >= 0 || errno != ENOSYS) {
        opened(fd);
        have_read(fd, read(fd, bytes, 100));
        close(fd);
    }
    check(open("/tmp/traffic.d/none", O_RDONLY) < 0 ? 0 : -1, "open of no file");
    failed_to_open("/tmp/traffic.d/none");
    check(openat(directory, "no/such", O_RDONLY) < 0 ? 0 : -1, "open of no file");
    failed_to_open("/tmp/traffic.d/no/such");
    /* A directory is read by its own call, and by no other. */
    check(read(directory, bytes, 10) < 0 ? 0 : -1, "read of a directory");
    while (have_read(directory, syscall(SYS_getdents64, directory, bytes, large)) > 0) {
    }
    close(directory);
}

static void move_between_files(void) {
    const int from = opened(open("/tmp/traffic.d/one", O_RDONLY));
    const int to = opened(open("/tmp/traffic.d/two", O_RDWR | O_CREAT, 0600));
    int ends[2];
    off_t offset = 20;
    long moved = sendfile(to, from, NULL, 30000);
    have_read(from, moved);
    have_written(to, moved);
    moved = sendfile(to, from, &offset, 1234);
    have_read(from, moved);
    have_written(to, moved);
    moved = copy_file_range(from, NULL, to, NULL, 5000, 0);
    have_read(from, moved);
    have_written(to, moved);
    check(pipe(ends), "pipe");
    moved = splice(from, NULL, ends[1], NULL, 4000, 0);
    have_read(from, moved);
    have_written(ends[1], moved);
    moved = splice(ends[0], NULL, to, NULL, 4000, 0);
    have_read(ends[0], moved);
    have_written(to, moved);
    /* By hand, through a pipe. */
    have_written(ends[1], write(ends[1], bytes, 300));
    have_read(ends[0], read(ends[0], bytes, large));
    close(ends[0]);
    close(ends[1]);
    close(from);
    close(to);
}

static void share_descriptors(void) {
    const int fd = opened(open("/tmp/traffic.d/shared", O_RDWR | O_CREAT | O_APPEND, 0600));
    const int second = (int)check(dup(fd), "dup");
    const int third = (int)check(dup2(fd, 40), "dup2");
    const int fourth = (int)check(fcntl(fd, F_DUPFD_CLOEXEC, 50), "fcntl");
    have_written(second, write(second, bytes, 11));
    have_written(third, write(third, bytes, 12));
    have_written(fourth, write(fourth, bytes, 13));
    close(fd);
    for (int i = 0; i < 3; ++i)
        if (check(fork(), "fork") == 0) {
            for (int k = 0; k <= i; ++k)
                have_written(third, write(third, bytes, 100 + i));
            have_read(second, pread(second, bytes, 5 + i, 0));
            _exit(0);
        }
    while (wait(NULL) > 0) {
    }
    /* The number belongs to another file now. */
    check(dup2(opened(open("/tmp/traffic.d/one", O_RDONLY)), second), "dup2");
    have_read(second, read(second, bytes, 21));
    close(second);
    close(third);
    close(fourth);
}

static void lose_names(void) {
    const int fd = opened(open("/tmp/traffic.d/before", O_RDWR | O_CREAT, 0600));
    const int memory = (int)check(memfd_create("in memory", 0), "memfd_create");
    have_written(fd, write(fd, bytes, 31));
    check(rename("/tmp/traffic.d/before", "/tmp/traffic.d/after"), "rename");
    have_written(fd, write(fd, bytes, 32));
    check(unlink("/tmp/traffic.d/after"), "unlink");
    have_written(fd, write(fd, bytes, 33));
    have_read(fd, pread(fd, bytes, 96, 0));
    have_written(memory, write(memory, bytes, 34));
    close(fd);
    close(memory);
}

static void map_file(void) {
    const int fd = opened(open("/tmp/traffic.d/one", O_RDWR));
    mapped(fd, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
    mapped(fd, mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096));
    close(fd);
}

static void* write_in_thread(void* file) {
    const int fd = *(int*)file;
    have_written(fd, write(fd, bytes, 41));
    return NULL;
}

static void use_threads(void) {
    int fd = opened(open("/tmp/traffic.d/thread", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < 3; ++i) {
        pthread_t thread;
        check(-pthread_create(&thread, NULL, write_in_thread, &fd), "pthread_create");
        pthread_join(thread, NULL);
    }
    close(fd);
}

static void execute(void) {
    if (check(fork(), "fork") == 0) {
        const int inherited = opened(open("/tmp/traffic.d/one", O_RDONLY));
        char number[12];
        snprintf(number, sizeof number, "%d", inherited);
        executes("/tmp/traffic");
        execl("/tmp/traffic", "traffic", number, NULL);
        check(-1, "execl");
    }
    check(wait(NULL), "wait");
}

void use_files(void) {
    check(mkdir("/tmp/traffic.d", 0700), "mkdir");
    check(chdir("/tmp/traffic.d"), "chdir");
    memset(bytes, 'x', sizeof bytes);
    write_all_ways();
    read_all_ways();
    open_all_ways();
    move_between_files();
    share_descriptors();
    lose_names();
    map_file();
    use_threads();
    execute();
}
