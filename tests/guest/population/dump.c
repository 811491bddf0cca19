/* The witness. Prints the files of /proc as records: a line "PATH LENGTH", that many bytes, and a line end.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "population.h"

enum { most = 1 << 20 };

static char content[most];
static char where[40]; /* before the path of each record */

static void print_record(const char* path, ssize_t size) {
    if (size < 0)
        return; /* gone, or a kernel thread, which has no such thing */
    printf("%s%s %zd\n", where, path, size);
    fwrite(content, 1, (size_t)size, stdout);
    putchar('\n');
}

static void print_file(const char* directory, const char* name) {
    char path[400];
    ssize_t size = 0, more = 0;
    int file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = open(path, O_RDONLY);
    if (file < 0)
        return;
    while (size < most && (more = read(file, content + size, most - (size_t)size)) > 0)
        size += more;
    close(file);
    print_record(path, more < 0 ? -1 : size);
}

static void print_link(const char* directory, const char* name) {
    char path[400];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    print_record(path, readlink(path, content, most));
}

/* Calls `print` with each entry of a directory that is a number. */
static void for_each_number(const char* directory, void (*print)(const char*, const char*)) {
    DIR* entries = opendir(directory);
    struct dirent* entry;

    if (!entries)
        return;
    while ((entry = readdir(entries)))
        if (isdigit((unsigned char)entry->d_name[0]))
            print(directory, entry->d_name);
    closedir(entries);
}

static void print_thread(const char* directory, const char* number) {
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", directory, number);
    print_file(path, "status");
}

static void print_namespaces(const char* directory) {
    static const char* const names[] = {"cgroup", "ipc",  "mnt",  "net",  "pid", "pid_for_children",
                                        "time",   "time_for_children", "user", "uts", NULL};
    const char* const* name;
    char path[240];

    snprintf(path, sizeof(path), "%s/ns", directory);
    for (name = names; *name; name++)
        print_link(path, *name);
}

static void print_process(const char* directory, const char* number) {
    char path[200], below[220];

    snprintf(path, sizeof(path), "%s/%s", directory, number);
    print_file(path, "status");
    print_file(path, "stat");
    print_file(path, "cmdline");
    print_file(path, "environ");
    print_file(path, "maps");
    print_link(path, "cwd");
    print_link(path, "exe");
    print_link(path, "root");
    print_namespaces(path);
    snprintf(below, sizeof(below), "%s/fd", path);
    for_each_number(below, print_link);
    snprintf(below, sizeof(below), "%s/fdinfo", path);
    for_each_number(below, print_file);
    snprintf(below, sizeof(below), "%s/task", path);
    for_each_number(below, print_thread);
}

/* What the containers see themselves: inside/PID/proc/…, where PID is the first process of the container, as it is from
 * outside. */
static void look_from_inside(const char* directory, const char* number) {
    static const char* const kinds[] = {"mnt", "pid"};
    char path[300];
    int namespaces[2], root, i;
    pid_t child;

    snprintf(path, sizeof(path), "%s/%s/root", directory, number);
    root = check(open(path, O_RDONLY | O_DIRECTORY), "open root");
    for (i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s/ns/%s", directory, number, kinds[i]);
        namespaces[i] = check(open(path, O_RDONLY), "open namespace");
    }
    for (i = 0; i < 2; i++)
        check(setns(namespaces[i], 0), "setns");
    check(fchdir(root), "fchdir");
    check(chroot("."), "chroot");
    /* A process's namespace of numbers, of which /proc tells, is that of its birth. */
    child = check(fork(), "fork");
    if (child == 0) {
        mkdir("/proc", 0755);
        check(mount("proc", "/proc", "proc", 0, NULL), "mount");
        snprintf(where, sizeof(where), "inside/%s", number);
        for_each_number("/proc", print_process);
        fflush(stdout);
        _exit(0);
    }
    check(waitpid(child, NULL, 0), "waitpid");
}

static void look_into_container(const char* directory, const char* number) {
    char path[300];
    FILE* status;
    bool first = false;
    pid_t child;

    snprintf(path, sizeof(path), "%s/%s/status", directory, number);
    status = fopen(path, "r");
    if (!status)
        return;
    while (fgets(path, sizeof(path), status))
        first = first || (strncmp(path, "NSpid:", 6) == 0 && strcmp(strrchr(path, '\t'), "\t1\n") == 0);
    fclose(status);
    if (!first || strcmp(number, "1") == 0)
        return;
    child = check(fork(), "fork");
    if (child == 0) {
        look_from_inside(directory, number);
        _exit(0);
    }
    check(waitpid(child, NULL, 0), "waitpid");
}

/* A hypercall: the trace has every CPUID as an event, with these registers, so it marks the moment. */
static void mark(unsigned int number) {
    unsigned int a, b, c, d;

    __cpuid_count(0x50414e44, number, a, b, c, d);
}

void dump_proc(void) {
    static const char* const networks[] = {"tcp",  "tcp6",    "udp",    "udp6", "raw",
                                           "unix", "netlink", "packet", NULL};
    const char* const* name;

    setvbuf(stdout, NULL, _IOFBF, most);
    for_each_number("/proc", look_into_container);
    mark(1);
    snprintf(content, most, "%d %d", getpid(), getppid());
    print_record("witness", (ssize_t)strlen(content));
    print_file("/proc", "modules");
    print_file("/tmp", "ss");
    for_each_number("/proc", print_process);
    for (name = networks; *name; name++)
        print_file("/proc/net", *name);
    mark(2);
    fflush(stdout);
}
