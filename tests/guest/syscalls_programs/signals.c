// Signals: handlers with and without SA_RESTART, masks, an alternate stack, children that end, calls interrupted.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void handle(int number) {
    (void)number;
    write(1, "signal\n", 7);
}

static void install(int number, int flags) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(number, &action, NULL);
}

static void alarm_soon(void) {
    struct itimerval timer = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

int main(void) {
    int ends[2];
    char byte;
    sigset_t set;
    struct timespec pause_time = {0, 200000000};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    setpgid(0, 0);  // so that kill(0, …) reaches only these processes
    sigaltstack(&stack, NULL);
    pipe(ends);
    install(SIGALRM, 0);
    alarm_soon();
    read(ends[0], &byte, 1);
    alarm_soon();
    nanosleep(&pause_time, &pause_time);
    alarm_soon();
    pause();
    alarm_soon();
    poll(NULL, 0, 1000);
    install(SIGALRM, SA_RESTART | SA_ONSTACK);
    if (fork() == 0) {
        nanosleep(&pause_time, NULL);
        write(ends[1], "x", 1);
        _exit(3);
    }
    alarm_soon();
    read(ends[0], &byte, 1);
    wait(NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    install(SIGUSR1, SA_SIGINFO);
    kill(getpid(), SIGUSR1);
    sigpending(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(SIGUSR1);
    if (fork() == 0) {
        for (;;)
            pause();
    }
    kill(0, SIGCONT);
    signal(SIGTERM, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGTERM, SIG_DFL);
        for (;;)
            pause();
    }
    nanosleep(&(struct timespec){0, 10000000}, NULL);
    kill(child, SIGSTOP);
    waitpid(child, NULL, WUNTRACED);
    kill(child, SIGCONT);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    kill(0, SIGTERM);
    while (wait(NULL) > 0 || errno == EINTR) {
    }
    return 0;
}
