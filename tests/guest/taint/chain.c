// Bytes of a file on ways that taint must follow: `chain tcp IN OUT` takes them through a pipe to a second process, which
// sends them over loopback to a third, which writes OUT. The other ways read IN, or an argument, and write it to OUT.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { size = 300, port = 4000 };

static char buffer[size];

static void check(int good, const char* what) {
    if (good)
        return;
    perror(what);
    exit(1);
}

static int open_in(const char* path) {
    const int fd = open(path, O_RDONLY);
    check(fd >= 0, path);
    return fd;
}

// Reads until all bytes are there.
static void receive(int fd) {
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(fd, buffer + done, size - done);
        check(got > 0, "read");
        done += (size_t)got;
    }
}

static void send_all(int fd, const char* bytes, size_t count) {
    check(write(fd, bytes, count) == (ssize_t)count, "write");
}

static int create(const char* path) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    check(fd >= 0, path);
    return fd;
}

static struct sockaddr_in loopback(void) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void start_loopback(void) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
    close(fd);
}

static void wait_for(int children) {
    for (int i = 0; i < children; ++i) {
        int status = 0;
        check(wait(&status) > 0 && status == 0, "a child");
    }
}

static void over_tcp(const char* in, const char* out) {
    start_loopback();
    struct sockaddr_in address = loopback();
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr*)&address, sizeof address) == 0, "bind");
    check(listen(listener, 1) == 0, "listen");
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    if (fork() == 0) {  // the file's reader
        receive(open_in(in));
        send_all(ends[1], buffer, size);
        exit(0);
    }
    if (fork() == 0) {  // from the pipe to the network
        receive(ends[0]);
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        check(connect(fd, (struct sockaddr*)&address, sizeof address) == 0, "connect");
        send_all(fd, buffer, size);
        exit(0);
    }
    if (fork() == 0) {  // from the network to the other file
        const int fd = accept(listener, NULL, NULL);
        check(fd >= 0, "accept");
        receive(fd);
        send_all(create(out), buffer, size);
        exit(0);
    }
    wait_for(3);
}

int main(int argc, char** argv) {
    check(argc == 4, "chain WAY IN OUT");
    const char* way = argv[1];
    const char* in = argv[2];
    if (strcmp(way, "tcp") == 0) {
        over_tcp(in, argv[3]);
        return 0;
    }
    const char* bytes = buffer;
    size_t count = size;
    if (strcmp(way, "stdin") == 0) {
        receive(0);
    } else if (strcmp(way, "pread") == 0) {
        check(pread(open_in(in), buffer, size, 0) == size, "pread");
    } else if (strcmp(way, "mmap") == 0) {
        bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, open_in(in), 0);
        check(bytes != MAP_FAILED, "mmap");
    } else if (strcmp(way, "argument") == 0) {
        bytes = in;
        count = strlen(in);
    } else if (strcmp(way, "environment") == 0) {
        bytes = getenv(in);
        check(bytes != NULL, in);
        count = strlen(bytes);
    } else if (strcmp(way, "sendfile") == 0) {
        check(sendfile(create(argv[3]), open_in(in), NULL, size) == size, "sendfile");
        return 0;
    } else {
        check(0, way);
    }
    send_all(create(argv[3]), bytes, count);
    return 0;
}
