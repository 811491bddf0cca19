/* A container as tools make them: namespaces, a root of its own on a stacked file system, and a program from there. */
#define _GNU_SOURCE
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

    check(chroot("/tmp/container/merged"), "chroot");
    check(chdir("/folder"), "chdir");
    execve("/program", words, variables);
    check(-1, "execve");
}

void start_container(void) {
    check(mkdir("/tmp/container", 0755), "mkdir");
    check(unshare(CLONE_NEWPID | CLONE_NEWNS), "unshare");
    check(mount("tmpfs", "/tmp/container", "tmpfs", 0, NULL), "mount");
    check(chdir("/tmp/container"), "chdir");
    check(system("mkdir lower upper work merged lower/folder && cp /tmp/population lower/program"), "mkdir");
    if (mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") < 0) {
        /* This guest has no such module. */
        check(mount("lower", "merged", NULL, MS_BIND, NULL), "mount");
    }
    /* The first process of its namespace. */
    populate("contained", run_contained);
}
