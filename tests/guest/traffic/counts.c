/* The counts, in a file that all processes map. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include "traffic.h"

enum { max_files = 300, max_sockets = 60, name_size = 80, output_size = 1 << 18 };

struct file_use {
    int pid;
    char name[name_size];
    long opens, failed_opens, reads, read_bytes, writes, written_bytes, maps, executed;
};

struct socket_use {
    int pid;
    char name[name_size], family[8], type[12], role[12], local[name_size], peer[name_size], error[20];
    long sends, sent_bytes, receives, received_bytes;
};

static struct {
    int files, sockets;
    struct file_use file[max_files];
    struct socket_use socket[max_sockets];
}* counts;
static const char counts_name[] = "/tmp/traffic.counts";

long check(long result, const char* what) {
    if (result < 0) {
        dprintf(2, "traffic: %s: %s\n", what, strerror(errno));
        _exit(9);
    }
    return result;
}

/* A process counts for itself, one thread at a time; but several processes may take places at once. */
static struct file_use* file_named(const char* name) {
    const int pid = getpid();
    struct file_use* file;
    int i;

    for (i = 0; i < counts->files; ++i)
        if (counts->file[i].pid == pid && strcmp(counts->file[i].name, name) == 0)
            return &counts->file[i];
    i = __atomic_fetch_add(&counts->files, 1, __ATOMIC_RELAXED);
    check(i < max_files ? 0 : -1, "too many files");
    file = &counts->file[i];
    snprintf(file->name, sizeof file->name, "%s", name);
    file->pid = pid;
    return file;
}

static void name_of(int fd, char* name) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    name[check(readlink(link, name, name_size - 1), link)] = 0;
}

static struct file_use* file_of(int fd) {
    char name[name_size];
    name_of(fd, name);
    return file_named(name);
}

static struct socket_use* socket_of(int fd) {
    char name[name_size];
    name_of(fd, name);
    for (int i = 0; i < counts->sockets; ++i)
        if (strcmp(counts->socket[i].name, name) == 0)
            return &counts->socket[i];
    return NULL;
}

int opened(int fd) {
    ++file_of((int)check(fd, "open"))->opens;
    return fd;
}

void failed_to_open(const char* name) {
    ++file_named(name)->failed_opens;
}

void executes(const char* name) {
    ++file_named(name)->executed;
}

void mapped(int fd, void* place) {
    check(place == MAP_FAILED ? -1 : 0, "mmap");
    ++file_of(fd)->maps;
}

void map_counts(int join) {
    const int fd = (int)check(open(counts_name, O_RDWR | (join ? 0 : O_CREAT | O_EXCL), 0600), counts_name);
    check(ftruncate(fd, sizeof *counts), "ftruncate");
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    mapped(fd, counts);
    opened(fd);
    close(fd);
}

static void add(long* count, long value) {
    __atomic_fetch_add(count, value, __ATOMIC_RELAXED);
}

static void have_moved(int fd, int reads, long bytes) {
    struct file_use* file = file_of(fd);
    struct socket_use* socket = socket_of(fd);
    add(reads ? &file->reads : &file->writes, 1);
    add(reads ? &file->read_bytes : &file->written_bytes, bytes);
    if (socket == NULL)
        return;
    add(reads ? &socket->receives : &socket->sends, 1);
    add(reads ? &socket->received_bytes : &socket->sent_bytes, bytes);
}

long have_read(int fd, long bytes) {
    have_moved(fd, 1, check(bytes, "a read"));
    return bytes;
}

long have_written(int fd, long bytes) {
    have_moved(fd, 0, check(bytes, "a write"));
    return bytes;
}

static const char* family_name(int family) {
    return family == AF_UNIX ? "unix" : family == AF_INET ? "inet" : "inet6";
}

static const char* type_name(int type) {
    return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "seqpacket";
}

static void write_address(char* text, const struct sockaddr* address) {
    char host[INET6_ADDRSTRLEN];
    if (address == NULL)
        return;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in* in = (const void*)address;
        snprintf(text, name_size, "%s:%d", inet_ntop(AF_INET, &in->sin_addr, host, sizeof host), ntohs(in->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6* in = (const void*)address;
        snprintf(text, name_size, "[%s]:%d", inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host),
                 ntohs(in->sin6_port));
    } else {
        const struct sockaddr_un* name = (const void*)address;
        if (name->sun_path[0] != 0)
            snprintf(text, name_size, "%.70s", name->sun_path);
        else
            snprintf(text, name_size, "@%.70s", name->sun_path + 1);
    }
}

int made_socket(int fd, int family, int type, const char* role) {
    const int i = __atomic_fetch_add(&counts->sockets, 1, __ATOMIC_RELAXED);
    struct socket_use* socket = &counts->socket[i];
    check(fd, "socket");
    check(i < max_sockets ? 0 : -1, "too many sockets");
    socket->pid = getpid();
    strcpy(socket->family, family_name(family));
    strcpy(socket->type, type_name(type));
    strcpy(socket->role, role);
    name_of(fd, socket->name);
    return fd;
}

void told_of_socket(int fd, const char* role, const struct sockaddr* local, const struct sockaddr* peer) {
    struct socket_use* socket = socket_of(fd);
    if (role != NULL)
        strcpy(socket->role, role);
    write_address(socket->local, local);
    write_address(socket->peer, peer);
}

void failed_to_connect(int fd, const char* error) {
    strcpy(socket_of(fd)->error, error);
}

int accepted_socket(int fd, int listener, const struct sockaddr* peer) {
    const struct socket_use* from = socket_of(listener);
    struct socket_use* socket = socket_of(made_socket(fd, AF_UNIX, SOCK_STREAM, "server"));
    strcpy(socket->family, from->family);
    strcpy(socket->type, from->type);
    strcpy(socket->local, from->local);
    write_address(socket->peer, peer);
    return fd;
}

static char output[output_size];
static size_t output_used;

__attribute__((format(printf, 1, 2))) static void print(const char* format, ...) {
    va_list values;
    va_start(values, format);
    output_used += (size_t)vsnprintf(output + output_used, output_size - output_used, format, values);
    va_end(values);
    check(output_used < output_size ? 0 : -1, "too much output");
}

void print_counts(void) {
    char name[name_size];
    name_of(1, name);
    print("{\"kind\": \"output\", \"pid\": %d, \"file\": \"%s\"}\n", getpid(), name);
    for (int i = 0; i < counts->files; ++i) {
        const struct file_use* file = &counts->file[i];
        print("{\"kind\": \"file_usage\", \"pid\": %d, \"file\": \"%s\", \"opens\": %ld, \"failed_opens\": %ld, "
              "\"reads\": %ld, \"read_bytes\": %ld, \"writes\": %ld, \"written_bytes\": %ld, \"maps\": %ld, "
              "\"executed\": %ld}\n",
              file->pid, file->name, file->opens, file->failed_opens, file->reads, file->read_bytes, file->writes,
              file->written_bytes, file->maps, file->executed);
    }
    for (int i = 0; i < counts->sockets; ++i) {
        const struct socket_use* socket = &counts->socket[i];
        print("{\"kind\": \"socket\", \"pid\": %d, \"socket\": \"%s\", \"family\": \"%s\", \"type\": \"%s\", "
              "\"role\": \"%s\", \"local\": \"%s\", \"peer\": \"%s\", \"error\": \"%s\", \"sends\": %ld, "
              "\"sent_bytes\": %ld, \"receives\": %ld, \"received_bytes\": %ld}\n",
              socket->pid, socket->name, socket->family, socket->type, socket->role, socket->local, socket->peer,
              socket->error, socket->sends, socket->sent_bytes, socket->receives, socket->received_bytes);
    }
    for (size_t done = 0; done < output_used;)
        done += (size_t)check(write(1, output + done, output_used - done), "write");
}
