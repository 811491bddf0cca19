/* population start: makes processes of every kind, which then wait for ever.
 * population dump: prints what /proc says about all processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "population.h"

static char** arguments;

int check(int result, const char* what) {
    if (result < 0) {
        fprintf(stderr, "population: %s: %s\n", what, strerror(errno));
        _exit(1);
    }
    return result;
}

void populate(const char* name, void (*body)(void)) {
    int ready[2];
    char byte;

    check(pipe2(ready, O_CLOEXEC), "pipe");
    if (check(fork(), "fork") == 0) {
        close(ready[0]);
        prctl(PR_SET_NAME, name);
        body();
        check(write(ready[1], "", 1), name);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    /* A byte, or the end of the file when the child has executed another program. */
    check(read(ready[0], &byte, 1), name);
    close(ready[0]);
}

static void change_ids(void) {
    check(setgroups(0, NULL), "setgroups");
    check(setresgid(1001, 1002, 1003), "setresgid");
    check(setresuid(2001, 2002, 2003), "setresuid");
}

/* Does what setproctitle() does: writes one text over the arguments and into the environment. */
static void change_arguments(void) {
    char* end = arguments[0];
    char** word;

    for (word = arguments; *word; word++)
        end = *word + strlen(*word) + 1;
    memset(arguments[0], 'x', end - arguments[0]);
    strncpy(arguments[0], "a title of its own", end - arguments[0] - 1);
}

static void execute_deleted_program(void) {
    char* const words[] = {"gone", "stay", "", "two words", "line\nbreak", NULL};
    char* const variables[] = {"EMPTY=", "NAME=value with spaces", "BYTES=\xff\xfe", "no equals sign", NULL};

    check(system("cp /tmp/population /tmp/gone && chmod 755 /tmp/gone"), "cp");
    execve("/tmp/gone", words, variables);
    check(-1, "execve");
}

static void execute_memory_file(void) {
    char* const words[] = {"from memory", "stay", NULL};
    char* const variables[] = {NULL};
    const int program = check(open("/tmp/population", O_RDONLY), "open");
    const int copy = check(memfd_create("a program", MFD_CLOEXEC), "memfd_create");

    while (check((int)sendfile(copy, program, NULL, 1 << 20), "sendfile") > 0)
        continue;
    fexecve(copy, words, variables);
    check(-1, "fexecve");
}

static void end_thread(int signal) {
    (void)signal;
    syscall(SYS_exit, 0);
}

static void* outlive(void* nothing) {
    (void)nothing;
    usleep(300000);
    check((int)syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1), "tgkill");
    for (;;)
        pause();
    return NULL;
}

/* The first thread ends, and another goes on. */
static void lose_leader(void) {
    pthread_t thread;

    signal(SIGUSR1, end_thread);
    check(-pthread_create(&thread, NULL, outlive, NULL), "pthread_create");
}

static void sit_in_deleted_directory(void) {
    check(mkdir("/tmp/no more", 0755), "mkdir");
    check(chdir("/tmp/no more"), "chdir");
    check(rmdir("/tmp/no more"), "rmdir");
}

static void leave_zombie(void) {
    const pid_t child = check(fork(), "fork");
    siginfo_t info;

    if (child == 0)
        _exit(3);
    check(waitid(P_PID, child, &info, WEXITED | WNOWAIT), "waitid");
}

static void name_itself_oddly(void) {
    prctl(PR_SET_NAME, "a\\b\nc\tde");
}

static void do_nothing(void) {}

static void start(void) {
    if (check(fork(), "fork") != 0)
        return;
    setsid();
    populate("plain", do_nothing);
    populate("files", open_files);
    populate("sockets", open_sockets);
    populate("pipe", open_pipe);
    populate("maps", map_memory);
    populate("threads", start_threads);
    populate("mounts", change_root_and_mounts);
    populate("container", start_container);
    populate("other", start_other_container);
    populate("ids", change_ids);
    populate("arguments", change_arguments);
    populate("nowhere", sit_in_deleted_directory);
    populate("zombie's parent", leave_zombie);
    populate("odd", name_itself_oddly);
    populate("executed", execute_deleted_program);
    populate("from memory", execute_memory_file);
    populate("headless", lose_leader);
    sleep(1);
    unlink("/tmp/gone");
    close(check(creat("/tmp/populated", 0644), "creat"));
    for (;;)
        pause();
}

int main(int count, char** words) {
    arguments = words;
    if (count > 1 && strcmp(words[1], "start") == 0)
        start();
    else if (count > 1 && strcmp(words[1], "dump") == 0)
        dump_proc();
    else
        for (;;)
            pause();
    return 0;
}
