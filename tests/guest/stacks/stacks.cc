// Programs whose stacks are known: at each mark they print what backtrace() finds, then execute a CPUID that the trace
// has. Compiled with -O2 and without frame pointers, so backtrace() goes by .eh_frame, which knows nothing of shadow stacks.
//
// "stack N ADDRESS..." are the return addresses at mark N, the innermost first: that of mark() itself, and so on.
#include <cpuid.h>
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#define NOINLINE __attribute__((noinline, noclone))

namespace {

constexpr unsigned mark_leaf = 0x70616e64;  // eax of a mark

unsigned marks;
volatile int sink;

}  // namespace

extern "C" {

NOINLINE void mark() {
    void* addresses[200];
    unsigned a = mark_leaf, b = ++marks, c = 0, d = 0;
    const int count = backtrace(addresses, 200);
    flockfile(stdout);
    printf("stack %u", b);
    // The first is in this function.
    for (int i = 1; i < count; ++i)
        printf(" %lx", reinterpret_cast<unsigned long>(addresses[i]));
    printf("\n");
    fflush(stdout);
    asm volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    funlockfile(stdout);
}

NOINLINE int recurse(int depth) {
    if (depth % 7 == 0)
        mark();
    const int result = depth == 0 ? 0 : recurse(depth - 1) + depth;
    sink = result;
    return result + 1;
}

NOINLINE void tail_callee(int depth) {
    if (depth > 3)
        mark();
    sink = depth;
}
NOINLINE void tail_caller(int depth) {
    sink = depth;
    tail_callee(depth + 1);  // a jump at -O2
}

NOINLINE void handler(int) {
    mark();
    recurse(7);
}
NOINLINE void signalled() {
    raise(SIGUSR1);
    mark();
}

jmp_buf place;
NOINLINE void jump_from(int depth) {
    if (depth == 0)
        longjmp(place, 1);
    if (sink >= 0)  // always
        jump_from(depth - 1);
    sink = depth;
}
NOINLINE void jumps() {
    if (setjmp(place) == 0)
        jump_from(5);
    mark();
}

ucontext_t main_context, other_context;
NOINLINE void coroutine() {
    for (int i = 0; i < 3; ++i) {
        recurse(7);
        swapcontext(&other_context, &main_context);
    }
}
NOINLINE void coroutines() {
    static char stack[256 << 10];
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    other_context.uc_link = &main_context;
    makecontext(&other_context, coroutine, 0);
    for (int i = 0; i < 4; ++i) {
        swapcontext(&main_context, &other_context);
        mark();
    }
}

NOINLINE void* thread(void*) {
    for (int i = 0; i < 5; ++i) {
        recurse(14);
        usleep(1000);  // the others run
    }
    return nullptr;
}

NOINLINE void thrower(int depth) {
    if (depth == 0)
        throw std::runtime_error("thrown");
    thrower(depth - 1);
    sink = depth;
}
NOINLINE void catcher() {
    try {
        thrower(4);
    } catch (const std::exception&) {
        mark();
    }
    mark();
}

}  // extern "C"

static void on_alternate_stack() {
    static char bytes[64 << 10];
    stack_t stack = {};
    stack.ss_sp = bytes;
    stack.ss_size = sizeof bytes;
    sigaltstack(&stack, nullptr);
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR2, &action, nullptr);
    raise(SIGUSR2);
    mark();
}

int main(int count, char** arguments) {
    if (count > 1)
        pause();  // to be looked at
    // The first call loads what it needs.
    void* address[1];
    backtrace(address, 1);
    for (int i = 0; i < 80; ++i)
        recurse(30 + i % 10);
    tail_caller(5);
    signal(SIGUSR1, handler);
    signalled();
    on_alternate_stack();
    jumps();
    catcher();
    coroutines();
    pthread_t threads[3];
    for (pthread_t& one : threads)
        pthread_create(&one, nullptr, thread, nullptr);
    for (const pthread_t one : threads)
        pthread_join(one, nullptr);
    const pid_t child = fork();
    if (child == 0) {
        recurse(14);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    if (vfork() == 0)
        execl("/bin/true", "true", nullptr);
    recurse(7);
    mark();
    printf("marks %u of %s\n", marks, arguments[0]);
    return 0;
}
