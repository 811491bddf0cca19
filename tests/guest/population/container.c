/* Containers as tools make them: namespaces, a root of its own on a stacked file system, and a program from there. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "population.h"

static void run_contained(void) {
    char* const words[] = {"program", "inside", NULL};
    char* const variables[] = {NULL};

    check(chroot("merged"), "chroot");
    check(chdir("/folder"), "chdir");
    check(open("/folder/file", O_RDWR | O_CREAT, 0644), "open");
    check(open("/program", O_RDONLY), "open");
    execve("/program", words, variables);
    check(-1, "execve");
}

static void start_in(const char* directory) {
    check(mkdir(directory, 0755), "mkdir");
    check(unshare(CLONE_NEWNS), "unshare");
    check(mount("tmpfs", directory, "tmpfs", 0, NULL), "mount");
    check(chdir(directory), "chdir");
    check(system("mkdir lower upper work merged lower/folder && cp /tmp/population lower/program"), "mkdir");
    /* Not every guest has the module. */
    if (mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") < 0)
        check(mount("lower", "merged", NULL, MS_BIND, NULL), "mount");
    /* The first process of its namespace, and the second. */
    check(unshare(CLONE_NEWPID), "unshare");
    populate("contained", run_contained);
    populate("contained", run_contained);
}

void start_container(void) {
    start_in("/tmp/container");
}

void start_other_container(void) {
    start_in("/tmp/other container");
}
