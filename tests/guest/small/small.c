/* Says what it does: signals that it gets, code that is mapped, and values in a buffer. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t got;
static volatile uint32_t buffer[4];

static void handler(int number, siginfo_t *info, void *context) {
    (void)context;
    got = number;
    buffer[3] = (uint32_t)info->si_pid;
}

int main(void) {
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGWINCH};
    struct sigaction action;
    char line[512];
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    printf("self %d\nbuffer %lx\n", getpid(), (unsigned long)(uintptr_t)buffer);
    printf("function %lx\nlibrary %lx\n", (unsigned long)(uintptr_t)handler, (unsigned long)(uintptr_t)waitpid);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        sigaction(numbers[i], &action, NULL);
        kill(getpid(), numbers[i]);
        printf("signal %d from %u\n", got, buffer[3]);
    }
    const pid_t child = fork();
    if (child == 0) {
        kill(getppid(), SIGUSR1);
        *(volatile int *)8 = 1; /* SIGSEGV, by the kernel */
    }
    int status = 0;
    while (waitpid(child, &status, 0) != child)
        ;
    printf("child %d killed by %d\n", child, WTERMSIG(status));
    for (uint32_t i = 0; i < 3; ++i)
        buffer[i] = 0x01020304u * (i + 1);
    printf("sum %x\n", buffer[0] + buffer[1] + buffer[2]);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, "r-xp") != NULL)
            printf("map %s", line);
    return 0;
}
