// Signals of every origin, and processes and threads that end in every way.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void handle(int number, siginfo_t* info, void* context) {
    (void)number;
    (void)info;
    (void)context;
}

static void* wait_for_ever(void* argument) {
    for (;;)
        pause();
    return argument;
}

static void child(int number) {
    int ends[2];
    pthread_t thread;
    switch (number) {
        case 0:
            *(volatile char*)16 = 1;
            break;
        case 1:
            abort();
        case 2:
            raise(SIGTERM);
            break;
        case 3:
            pipe(ends);
            close(ends[0]);
            write(ends[1], "x", 1);
            break;
        case 4: {
            // Beyond the end of a file.
            char name[] = "/tmp/short-XXXXXX";
            const int fd = mkstemp(name);
            volatile char* place = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
            (void)*place;
            break;
        }
        case 5:
            __asm__ volatile("ud2");
            break;
        case 6: {
            volatile int one = 1, zero = 0;
            _exit(one / zero);
        }
        case 7:
            pthread_create(&thread, NULL, wait_for_ever, NULL);
            _exit(77);
        case 8:
            pthread_create(&thread, NULL, wait_for_ever, NULL);
            kill(getpid(), SIGKILL);
            break;
        case 9:
            pthread_create(&thread, NULL, wait_for_ever, NULL);
            pthread_kill(thread, SIGUSR2);
            pthread_join(thread, NULL);
            break;
        case 10:
            raise(SIGSTOP);
            _exit(4);
    }
    _exit(0);
}

int main(void) {
    struct sigaction action;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN + 3, &action, NULL);
    // From sigqueue, from a timer, from raise; two at once.
    union sigval value = {.sival_int = 42};
    sigqueue(getpid(), SIGUSR1, value);
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN + 3;
    event.sigev_value.sival_int = 7;
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    struct itimerspec soon = {{0, 0}, {0, 1000000}};
    sigset_t both, old;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &both, &old);
    timer_settime(timer, 0, &soon, NULL);
    sigsuspend(&old);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN + 3, value);
    sigqueue(getpid(), SIGRTMIN + 3, value);
    sigprocmask(SIG_SETMASK, &old, NULL);
    for (int number = 0; number <= 10; ++number) {
        int status;
        const pid_t pid = fork();
        if (pid == 0)
            child(number);
        waitpid(pid, &status, WUNTRACED);
        if (WIFSTOPPED(status)) {
            kill(pid, SIGCONT);
            waitpid(pid, &status, 0);
        }
    }
    // A signal that sigtimedwait takes is not delivered.
    sigprocmask(SIG_BLOCK, &both, NULL);
    raise(SIGUSR1);
    siginfo_t info;
    sigtimedwait(&both, &info, &(struct timespec){0, 0});
    return 5;
}
