// 200 processes that fork, execute, signal one another and end in different ways: no call may be lost.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int number) {
    (void)number;
}

int main(int count, char** arguments) {
    if (count > 1)
        return 7;
    setpgid(0, 0);  // so that kill(0, …) reaches only these processes
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 200; ++i) {
        pid_t child = i % 5 == 4 ? vfork() : fork();
        if (child == 0) {
            if (i % 5 == 4 || i % 5 == 0)
                execl(arguments[0], arguments[0], "child", NULL);
            if (i % 5 == 1)
                kill(getpid(), SIGKILL);
            if (i % 5 == 2)
                pause();
            _exit(i % 100);
        }
        if (i % 5 == 2)
            kill(child, i % 2 ? SIGTERM : SIGUSR1);
        if (i % 8 == 7)
            while (waitpid(-1, NULL, WNOHANG) > 0) {
            }
    }
    kill(0, SIGUSR1);
    for (int i = 0; i < 400; ++i) {
        waitpid(-1, NULL, WNOHANG);
        usleep(1000);
    }
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0) {
    }
    return 0;
}
