/* Processes and threads that begin, execute and end in every way, and print what they do:
 *
 *     fork PID        a process was made
 *     exec PID NAME   the process is about to execute a program of this name
 *     thread PID TID  a thread of the process that is not its first one runs
 *
 * Each line is one write(), so lines of several processes do not mix. All processes have ended when this one does; one
 * is never waited for by its parent. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { plain_children = 40, rounds = 500 };

static void say(const char* what, int first, const char* second) {
    char line[100];
    int size = snprintf(line, sizeof line, "%s %d%s%s\n", what, first, *second ? " " : "", second);
    if (write(1, line, (size_t)size) != size)
        _exit(9);
}

static void execute(char* program) {
    char* arguments[] = {program, "/dev/null", NULL};
    say("exec", getpid(), strrchr(program, '/') + 1);
    execv(program, arguments);
    _exit(8);
}

static atomic_int threads_that_ran;

static void say_thread(void) {
    char tid[24];
    snprintf(tid, sizeof tid, "%ld", syscall(SYS_gettid));
    say("thread", getpid(), tid);
    ++threads_that_ran;
}

static void* wait_for_ever(void* unused) {
    say_thread();
    for (;;)
        pause();
    return unused;
}

static void* pass_by(void* unused) {
    say_thread();
    usleep(1000);
    return unused;
}

/* The other threads die, and this one takes the place and the number of the first. */
static void* execute_in_thread(void* unused) {
    say_thread();
    usleep(1000);
    execute("/bin/cat");
    return unused;
}

static void start(void* (*body)(void*), int wait) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, NULL) != 0)
        _exit(7);
    if (wait)
        pthread_join(thread, NULL);
}

static void first_thread_leaves(void) {
    start(pass_by, 0);
    pthread_exit(NULL);
}

static void killed_with_threads(void) {
    start(wait_for_ever, 0);
    start(wait_for_ever, 0);
    while (threads_that_ran < 2)
        usleep(1000);
    kill(getpid(), SIGKILL);
    pause();
}

static void leaves_an_orphan(void);

static void body_of(int kind) {
    switch (kind) {
        case 0: _exit(0);
        case 1: execute("/bin/cat"); break;
        case 2: start(pass_by, 1); start(pass_by, 1); exit(0);
        case 3: first_thread_leaves(); break;
        case 4: killed_with_threads(); break;
        case 5: start(execute_in_thread, 1); break;
        case 6: abort();
        case 7: leaves_an_orphan(); break;
        default: execl("/no/such/program", "program", NULL); _exit(0);
    }
}

static int child(int kind) {
    int pid = fork();
    if (pid == 0)
        body_of(kind);
    say("fork", pid, "");
    return pid;
}

static void leaves_an_orphan(void) {
    int pid = fork();
    if (pid == 0) {
        usleep(20000);
        _exit(0);
    }
    say("fork", pid, "");
    _exit(0);
}

/* Two processes wake one another in turn. */
static void ping_pong(void) {
    int there[2], back[2], pid;
    char byte = 0;
    if (pipe(there) || pipe(back))
        _exit(6);
    pid = fork();
    if (pid == 0) {
        for (int i = 0; i < rounds; i++)
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
                _exit(5);
        _exit(0);
    }
    say("fork", pid, "");
    for (int i = 0; i < rounds; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            _exit(5);
    waitpid(pid, NULL, 0);
}

static void executes_without_fork(void) {
    char* arguments[] = {"true", NULL};
    int pid = vfork();
    if (pid == 0) {
        execv("/bin/true", arguments);
        _exit(8);
    }
    say("fork", pid, "");
    say("exec", pid, "true"); /* vfork's parent goes on when it is done */
    waitpid(pid, NULL, 0);
}

int main(void) {
    ping_pong();
    for (int i = 0; i < plain_children; i++)
        waitpid(child(0), NULL, 0);
    for (int kind = 1; kind < 9; kind++)
        waitpid(child(kind), NULL, 0);
    for (int i = 0; i < 3; i++)
        executes_without_fork();
    /* Many at once; nobody here waits for the last one. */
    for (int i = 0; i < 60; i++)
        child(i % 9);
    for (int i = 0; i < 60; i++)
        wait(NULL);
    child(0);
    usleep(100000);
    return 0;
}
