/* panda-mark NAME: names this moment, so that programs which read a trace of this machine take the name where they take a
 * number of instructions. How it does that is described in trace/moment/marks.h. Without a C library, so that it costs the guest
 * 9 KB and runs anywhere. */
enum { call_write = sizeof(long) == 8 ? 1 : 4, call_exit = sizeof(long) == 8 ? 60 : 1 };

enum { end_word = 'e' | 'n' << 8 | 'd' << 16 };

static long system_call(long number, long a, const void *b, long c)
{
    long result;

#ifdef __x86_64__
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
#else
    asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
#endif
    return result;
}

static void finish(int status)
{
    for (;;)
        system_call(call_exit, status, 0, 0);
}

static void complain(void)
{
    static const char text[] = "usage: panda-mark NAME    up to 32 characters (16 for a 32-bit processor) without : and #, not a number, not \"end\"\n";

    system_call(call_write, 2, text, sizeof text - 1);
    finish(2);
}

void begin(long *stack)
{
    const char *name = (const char *)stack[2];
    unsigned long words[4] = {0, 0, 0, 0};
    unsigned long a = 0x6b72616d, b = sizeof(long), c, d;
    unsigned length = 0;

    if (stack[0] != 2)
        complain();
    for (; name[length] != 0; ++length) {
        if (length == sizeof words || name[length] <= ' ' || name[length] > '~' || name[length] == ':' || name[length] == '#')
            complain();
        words[length / sizeof(long)] |= (unsigned long)name[length] << (8 * (length % sizeof(long)));
    }
    if (length == 0 || (name[0] >= '0' && name[0] <= '9') || (words[0] == end_word && length == 3))
        complain();
    c = words[0];
    d = words[1];
    asm volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d) : "D"(words[2]), "S"(words[3]));
    finish(0);
}

#ifdef __x86_64__
asm(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
#else
asm(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall begin\n");
#endif
