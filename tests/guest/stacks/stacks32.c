// As stacks.cc, for 32-bit programs without a C library: at each mark a walk along the frame pointers is printed, then
// executed a CPUID that the trace has. Compiled with frame pointers and -O1.
//
// "stack N ADDRESS..." are the return addresses at mark N, the innermost first: that of mark() itself, and so on. Behind a
// signal's handler come the code that ends it and the instruction that it interrupted.
#include <stdint.h>

#define NOINLINE __attribute__((noinline, noclone))
#define MARK_LEAF 0x70616e64 /* eax of a mark */

// arch/x86/entry/syscalls/syscall_32.tbl
enum { CALL_EXIT = 1, CALL_FORK = 2, CALL_WRITE = 4, CALL_WAITPID = 7, CALL_GETPID = 20, CALL_KILL = 37, CALL_SIGACTION = 67 };
enum { SIGUSR1 = 10, SA_RESTORER = 0x04000000 };
enum { AT_SYSINFO = 32 };

static volatile int sink;
static unsigned marks;
static uintptr_t vsyscall; // the vdso's code for system calls: sysenter or syscall where the processor has it

static int system_call(int number, uintptr_t a, uintptr_t b, uintptr_t c)
{
    int result;

    if (vsyscall != 0)
        asm volatile("call *%1" : "=a"(result) : "m"(vsyscall), "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    else
        asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

// Ends a handler: sigreturn takes the frame without its return address, so it is popped together with the signal's number.
void restorer(void);
asm(".globl restorer\nrestorer:\n  popl %eax\n  movl $119, %eax\n  int $0x80\n");

static char *append(char *text, uintptr_t value, unsigned base)
{
    char digits[16];
    int count = 0;

    do
        digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (count != 0)
        *text++ = digits[--count];
    return text;
}

NOINLINE void mark(void)
{
    static char line[4096];
    char *text = line;
    unsigned a = MARK_LEAF, b = ++marks, c = 0, d = 0;
    uintptr_t *frame = __builtin_frame_address(0);

    for (const char *word = "stack "; *word != 0; ++word)
        *text++ = *word;
    text = append(text, b, 10);
    for (; frame != 0; frame = (uintptr_t *)frame[0]) {
        *text++ = ' ';
        text = append(text, frame[1], 16);
        if (frame[1] == (uintptr_t)restorer) {
            *text++ = ' ';
            text = append(text, frame[3 + 14], 16); // sigcontext_32.ip
            // The vdso's code has no frame: it has pushed ecx, edx and ebp (arch/x86/entry/vdso/vdso32/system_call.S).
            if ((frame[3 + 14] ^ vsyscall) < 4096) {
                *text++ = ' ';
                text = append(text, ((uintptr_t *)frame[3 + 7])[3], 16); // sigcontext_32.sp
            }
        }
    }
    *text++ = '\n';
    system_call(CALL_WRITE, 1, (uintptr_t)line, text - line);
    asm volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    sink = a; // not a tail call
}

NOINLINE int recurse(int depth)
{
    int result;

    if (depth % 7 == 0)
        mark();
    result = depth == 0 ? 0 : recurse(depth - 1) + depth;
    sink = result;
    return result + 1;
}
static int (*volatile recurse_by_pointer)(int) = recurse;

NOINLINE void __attribute__((stdcall)) pops_arguments(int a, int b)
{
    recurse(a + b);
    sink = b;
}

NOINLINE void handler(int number)
{
    recurse(7);
    sink = number;
}

NOINLINE void signalled(int depth)
{
    if (depth > 0)
        signalled(depth - 1);
    else
        system_call(CALL_KILL, system_call(CALL_GETPID, 0, 0, 0), SIGUSR1, 0);
    mark();
}

// Two stacks that switch to each other.
uintptr_t *other_stack; // of which switch_stacks() knows
static uintptr_t coroutine_memory[4096];
void switch_stacks(void);
asm("switch_stacks:\n  pushl %ebp\n  pushl %ebx\n  pushl %esi\n  pushl %edi\n  xchgl %esp, other_stack\n"
    "  popl %edi\n  popl %esi\n  popl %ebx\n  popl %ebp\n  ret\n");

NOINLINE void coroutine(void)
{
    for (;;) {
        recurse(7);
        switch_stacks();
    }
}
NOINLINE void coroutines(void)
{
    uintptr_t *top = coroutine_memory + 4000;

    *--top = 0; // where coroutine() would return to
    *--top = (uintptr_t)coroutine;
    for (int i = 0; i < 4; ++i)
        *--top = 0; // ebp, ebx, esi, edi
    other_stack = top;
    for (int i = 0; i < 4; ++i) {
        switch_stacks();
        mark();
    }
}

struct action {
    void (*handler)(int);
    unsigned long mask, flags;
    void (*restorer)(void);
};

NOINLINE void run_all(void)
{
    static struct action action = {handler, 0, SA_RESTORER, restorer};

    for (int i = 0; i < 6; ++i)
        recurse(30 + i);
    recurse_by_pointer(21);
    pops_arguments(3, 4);
    system_call(CALL_SIGACTION, SIGUSR1, (uintptr_t)&action, 0);
    for (int i = 0; i < 4; ++i)
        signalled(i);
    coroutines();
}

void begin(uintptr_t *stack)
{
    static const char end[] = "marks: all of them\n";
    int child;
    uintptr_t *words = stack + 1 + stack[0] + 1;

    run_all(); // by int 0x80
    while (*words++ != 0)
        ; // the environment
    for (; words[0] != 0; words += 2)
        if (words[0] == AT_SYSINFO)
            vsyscall = words[1];
    run_all();
    child = system_call(CALL_FORK, 0, 0, 0);
    if (child == 0) {
        recurse(14);
        system_call(CALL_EXIT, 0, 0, 0);
    }
    system_call(CALL_WAITPID, child, 0, 0);
    mark();
    system_call(CALL_WRITE, 1, (uintptr_t)end, sizeof end - 1);
    system_call(CALL_EXIT, 0, 0, 0);
}
asm(".globl _start\n_start:\n  movl %esp, %eax\n  xorl %ebp, %ebp\n  andl $-16, %esp\n  subl $12, %esp\n  pushl %eax\n  call begin\n  hlt\n");
