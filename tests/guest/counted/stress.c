// 200 processes that fork, execute, signal one another and end in different ways. They count the system calls that they
// make, in memory that all share, so that a process's counts outlive it. There is no C library, because that would make
// calls of its own: every call is here, in call(). At the end it prints a line for each process:
//
//     PID MADE RETURNED SIGNALS STATUS
//
// MADE: calls that were made. It is counted right before a call, so a process that is killed between the two has one
// more than it made. RETURNED: calls whose return the process has seen; SIGNALS: handlers that ran; STATUS: as wait4()
// told it.
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

typedef unsigned long word;

struct slot {
    word pid, made, returned, signals, status;
};
enum { processes = 200, slots = processes + 1 };
static struct slot *table, *own;

static word call(word number, word a, word b, word c, word d, word e, word f) {
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    register word r9 __asm__("r9") = f;
    word result;
    // These are single instructions, so a signal's handler, which counts too, runs before or after one.
    __asm__ volatile(
        "incq %[made]\n\tsyscall\n\tincq %[returned]"
        : "=a"(result), [made] "+m"(own->made), [returned] "+m"(own->returned)
        : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
        : "rcx", "r11", "memory");
    return result;
}
#define call1(n, a) call(n, (word)(a), 0, 0, 0, 0, 0)
#define call2(n, a, b) call(n, (word)(a), (word)(b), 0, 0, 0, 0)
#define call3(n, a, b, c) call(n, (word)(a), (word)(b), (word)(c), 0, 0, 0)
#define call4(n, a, b, c, d) call(n, (word)(a), (word)(b), (word)(c), (word)(d), 0, 0)

// fork, as clone. The child's return does not count, because it does not belong to a call of the child.
static word fork_child(void) {
    word result;
    register word r10 __asm__("r10") = 0;
    register word r8 __asm__("r8") = 0;
    __asm__ volatile(
        "incq %[made]\n\tsyscall\n\ttest %%rax, %%rax\n\tjz 1f\n\tincq %[returned]\n1:"
        : "=a"(result), [made] "+m"(own->made), [returned] "+m"(own->returned)
        : "0"(__NR_clone), "D"(SIGCHLD), "S"(0), "d"(0), "r"(r10), "r"(r8)
        : "rcx", "r11", "memory");
    return result;
}

static void handle(int number) {
    (void)number;
    __asm__ volatile("incq %0\n\tincq %1" : "+m"(own->signals), "+m"(own->made));
    // This returns by rt_sigreturn, which does not return itself.
}
void restore(void);
__asm__("restore: mov $15, %eax\n\tsyscall");

static void install(int number) {
    struct {
        void (*handler)(int);
        word flags;
        void (*restorer)(void);
        word mask;
    } action = {handle, 0x04000000 /* SA_RESTORER */, restore, 0};
    call4(__NR_rt_sigaction, number, &action, 0, 8);
}

static void map_table(int flags) {
    word fd;
    static struct slot early;  // until the table is there
    own = &early;
    fd = call3(__NR_open, "/tmp/counts", O_RDWR | O_CREAT | flags, 0600);
    call2(__NR_ftruncate, fd, slots * sizeof(struct slot));
    table = (struct slot*)call(__NR_mmap, 0, slots * sizeof(struct slot), 3, 1 /* MAP_SHARED */, fd, 0);
    own = table;
}

static void pause_for(long nanoseconds) {
    long time[2] = {0, nanoseconds};
    call2(__NR_nanosleep, time, 0);
}

// What the child with this number does. Does not return.
static void live(int number) {
    const char* arguments[] = {"counted", 0, 0};
    const char* none[] = {0};
    own = &table[number + 1];
    own->pid = call1(__NR_getpid, 0);
    switch (number % 5) {
        case 0: {
            // The program gets its slot's number as an argument.
            static char digits[8];
            int i = 7;
            for (int rest = number + 1; rest > 0; rest /= 10)
                digits[--i] = (char)('0' + rest % 10);
            arguments[1] = &digits[i];
            call3(__NR_execve, "/proc/self/exe", arguments, none);
            break;
        }
        case 1:
            call2(__NR_kill, own->pid, SIGKILL);
            break;
        case 2:
            for (;;)
                call1(__NR_pause, 0);
        case 3:
            for (int i = 0; i < 3; ++i)
                call2(__NR_kill, own->pid, SIGUSR1);
            break;
        case 4:
            pause_for(100000 * (number % 7));
            *(volatile char*)0 = 1;
    }
    call1(__NR_exit_group, number % 100);
}

static void put_number(char** at, word value) {
    char digits[20];
    int count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0)
        *(*at)++ = digits[--count];
    *(*at)++ = ' ';
}

static void print(const struct slot* slot, word made, word returned) {
    char line[120];
    char* at = line;
    put_number(&at, slot->pid);
    put_number(&at, made);
    put_number(&at, returned);
    put_number(&at, slot->signals);
    put_number(&at, slot->status);
    at[-1] = '\n';
    call3(__NR_write, 1, line, at - line);
}

static void reap(int options) {
    unsigned status = 0;
    const word pid = call4(__NR_wait4, -1, &status, options, 0);
    for (int i = 1; i < slots && (long)pid > 0; ++i)
        if (table[i].pid == pid)
            table[i].status = status;
}

static int number_of(const char* text) {
    int number = 0;
    for (; *text != 0; ++text)
        number = 10 * number + (*text - '0');
    return number;
}

void begin(word* stack) {
    const word count = stack[0];
    const char** arguments = (const char**)(stack + 1);
    map_table(count > 1 ? 0 : O_TRUNC);
    if (count > 1) {
        // A child has executed this program: open, ftruncate and mmap belong to its slot.
        own = &table[number_of(arguments[1])];
        own->made += 3;
        own->returned += 3;
        // The execve that led here has not returned to an instruction after it.
        ++own->returned;
        pause_for(50000);
        call1(__NR_exit_group, 42);
    }
    table[0].made = 3;
    table[0].returned = 3;
    table[0].pid = call1(__NR_getpid, 0);
    install(SIGUSR1);
    for (int i = 0; i < processes; ++i) {
        const word child = fork_child();
        if (child == 0)
            live(i);
        table[i + 1].pid = child;
        if (i % 5 == 2) {
            // Not before the child has a slot of its own, because its handler would count in this one's.
            do
                pause_for(20000);
            while (*(volatile word*)&table[i + 1].made == 0);
            call2(__NR_kill, child, SIGUSR1);
            call2(__NR_kill, child, i % 2 ? SIGTERM : SIGKILL);
        }
        if (i % 8 == 7)
            reap(1 /* WNOHANG */);
    }
    for (int i = 0; i < processes; ++i)
        reap(0);
    for (int i = 1; i < slots; ++i)
        print(&table[i], table[i].made, table[i].returned);
    // Then this process, without the two calls that follow.
    print(&table[0], table[0].made + 2, table[0].returned + 1);
    call1(__NR_exit_group, 0);
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin");
