/* Labels operands with PANDA's taint hypercalls, works with them, and says which labels the results must and must not have.
 * The analyzer answers each question; the program only prints how many it has asked. */
#ifdef __i386__
#pragma GCC target("sse2")
#endif
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned long asked;

static void hypercall(uintptr_t command, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t di)
{
    __asm__ volatile("cpuid" : "+a"(command), "+b"(b), "+c"(c), "+d"(d) : "D"(di) : "memory");
}
static void enable(void)
{
    hypercall(6, 0, 0, 0, 0);
}
static void label(const volatile void *at, size_t size, unsigned first)
{
    hypercall(8, (uintptr_t)at, size, 0, first);
}
static void one_label(const volatile void *at, size_t size, unsigned number)
{
    hypercall(7, (uintptr_t)at, size, 0, number);
}
static void ask(const volatile void *at, size_t byte, unsigned number, int must)
{
    asked++;
    hypercall(9, (uintptr_t)at, byte, (uintptr_t)must, number);
}
static void say(const char *text)
{
    hypercall(12, strlen(text) + 1, (uintptr_t)text, 0, 0);
}

enum { A = 1000, B = 2000 };

/* Byte i of the result depends on byte i of both operands, and on no byte above. */
#define SUM(type, op)                                   \
    do {                                                \
        volatile type a = (type)0x1b2c3d4e5f607182;     \
        volatile type b = (type)0x0103050709020406;     \
        volatile type c;                                \
        say(#type " " #op);                             \
        label(&a, sizeof a, A);                         \
        label(&b, sizeof b, B);                         \
        c = (type)(a op b);                             \
        for (size_t i = 0; i < sizeof c; i++) {         \
            ask(&c, i, A + i, 1);                       \
            ask(&c, i, B + i, 1);                       \
            if (i + 1 < sizeof c)                       \
                ask(&c, i, A + i + 1, 0);               \
        }                                               \
    } while (0)

/* Byte i of the result depends on byte i of both operands alone. */
#define LOGIC(type, op)                                 \
    do {                                                \
        SUM(type, op);                                  \
        volatile type a = (type)0x1b2c3d4e5f607182;     \
        volatile type b = (type)0x0f0f0f0f0f0f0f0f;     \
        volatile type c;                                \
        label(&a, sizeof a, A);                         \
        c = (type)(a op b);                             \
        for (size_t i = 0; i < sizeof c; i++) {         \
            ask(&c, i, A + i, 1);                       \
            if (i != 0)                                 \
                ask(&c, i, A + i - 1, 0);               \
        }                                               \
    } while (0)

/* Every byte of the result depends on all operands' bytes. */
#define MIXED(type, op)                                 \
    do {                                                \
        volatile type a = (type)0x1b2c3d4e5f607182;     \
        volatile type b = (type)0x0000000000000035;     \
        volatile type c;                                \
        say(#type " " #op);                             \
        label(&a, sizeof a, A);                         \
        label(&b, sizeof b, B);                         \
        c = (type)(a op b);                             \
        for (size_t i = 0; i < sizeof a; i++)           \
            ask(&c, 0, A + i, 1);                       \
        ask(&c, 0, B, 1);                               \
    } while (0)

#define COMPARISON(type, op)                            \
    do {                                                \
        volatile type a = (type)0x1b2c3d4e5f607182;     \
        volatile type b = (type)0x1b2c3d4e5f607183;     \
        volatile int c;                                 \
        say(#type " " #op);                             \
        label(&a, sizeof a, A);                         \
        c = a op b;                                     \
        ask(&c, 0, A, 1);                               \
        ask(&c, 0, B, 0);                               \
    } while (0)

#define OPERATORS(type)                                                                                    \
    do {                                                                                                   \
        SUM(type, +);                                                                                      \
        SUM(type, -);                                                                                      \
        LOGIC(type, &);                                                                                    \
        LOGIC(type, |);                                                                                    \
        LOGIC(type, ^);                                                                                    \
        MIXED(type, /);                                                                                    \
        MIXED(type, %);                                                                                    \
        COMPARISON(type, <);                                                                               \
        COMPARISON(type, ==);                                                                              \
        COMPARISON(type, >=);                                                                              \
        volatile type a = (type)0x1b2c3d4e5f607182;                                                        \
        volatile type c;                                                                                   \
        say(#type " shifts");                                                                              \
        label(&a, sizeof a, A);                                                                            \
        c = (type)((uint64_t)a << 8);                                                                      \
        ask(&c, 0, A, 0);                                                                                  \
        if (sizeof a > 1) {                                                                                \
            ask(&c, 1, A, 1);                                                                              \
            ask(&c, 1, A + 1, 0);                                                                          \
        }                                                                                                  \
        c = (type)(a * 3);                                                                                 \
        ask(&c, sizeof c - 1, A, 1);                                                                       \
        c = (type)(a ^ a);                                                                                 \
        c = (type)-a;                                                                                      \
        ask(&c, 0, A, 1);                                                                                  \
        c = (type)~a;                                                                                      \
        ask(&c, sizeof c - 1, A + sizeof c - 1, 1);                                                        \
        c = a;                                                                                             \
        for (size_t i = 0; i < sizeof c; i++)                                                              \
            ask(&c, i, A + i, 1);                                                                          \
        c = 5;                                                                                             \
        ask(&c, 0, A, 0);                                                                                  \
    } while (0)

static void copies(void)
{
    static unsigned char from[256], to[256];
    say("rep movsb");
    label(from, sizeof from, A);
    void *source = from, *destination = to;
    size_t count = 100;
    __asm__ volatile("rep movsb" : "+S"(source), "+D"(destination), "+c"(count) : : "memory");
    for (size_t i = 0; i < 100; i++) {
        ask(to, i, A + i, 1);
        ask(to, i, A + i + 1, 0);
    }
    ask(to, 100, A + 100, 0);
    say("rep stosb");
    destination = to;
    count = 50;
    __asm__ volatile("rep stosb" : "+D"(destination), "+c"(count) : "a"(0) : "memory");
    ask(to, 49, A + 49, 0);
    ask(to, 50, A + 50, 1);
    say("memcpy");
    memcpy(to, from + 3, 200);
    for (size_t i = 0; i < 200; i += 7)
        ask(to, i, A + 3 + i, 1);
    say("SSE");
    __asm__ volatile("movdqu (%0), %%xmm1\n\tmovdqu 16(%0), %%xmm2\n\t"
                     "punpcklbw %%xmm2, %%xmm1\n\tpshufd $0x1b, %%xmm1, %%xmm3\n\t"
                     "movdqu %%xmm1, (%1)\n\tmovdqu %%xmm3, 16(%1)\n\t"
                     "pxor %%xmm1, %%xmm1\n\tmovdqu %%xmm1, 32(%1)"
                     : : "r"(from), "r"(to) : "memory", "xmm1", "xmm2", "xmm3");
    for (size_t i = 0; i < 16; i++) {
        ask(to, i, A + (i % 2) * 16 + i / 2, 1);
        ask(to, i, A + ((i + 1) % 2) * 16 + i / 2, 0);
        ask(to, 16 + i, A + ((12 - i / 4 * 4 + i % 4) % 2) * 16 + (12 - i / 4 * 4 + i % 4) / 2, 1);
        ask(to, 32 + i, A + 32 + i, 0);
    }
}

static void others(void)
{
    volatile uint32_t a = 0x12345678, b = 7, c;
    say("bswap");
    label(&a, 4, A);
    c = __builtin_bswap32(a);
    for (size_t i = 0; i < 4; i++) {
        ask(&c, i, A + 3 - i, 1);
        ask(&c, i, A + i, 0);
    }
    say("cmov");
    uint32_t chosen = 1;
    __asm__ volatile("cmp $7, %2\n\tcmove %1, %0" : "+r"(chosen) : "r"(a), "r"(b) : "cc");
    c = chosen;
    ask(&c, 2, A + 2, 1);
    ask(&c, 2, A + 1, 0);
    say("cmpxchg");
    volatile uint32_t place = 7;
    uint32_t old = 7;
    __asm__ volatile("lock cmpxchg %2, %1" : "+a"(old), "+m"(place) : "r"(a) : "cc");
    ask(&place, 1, A + 1, 1);
    say("xadd");
    old = 1;
    __asm__ volatile("lock xadd %0, %1" : "+r"(old), "+m"(place) : : "cc");
    c = old;
    ask(&c, 0, A, 1);
    ask(&place, 0, A, 1);
    say("128 bits");
    volatile uint64_t x = 0x1122334455667788, low, high;
    label(&x, 8, A);
#ifdef __x86_64__
    unsigned __int128 product = (unsigned __int128)x * 0x100000001;
    low = (uint64_t)product;
    high = (uint64_t)(product >> 64);
#else
    low = x * 0x100000001;
    high = x >> 32;
#endif
    ask(&low, 0, A, 1);
    ask(&high, 0, A + 4, 1);
    say("double");
    volatile double p = 1.5, q = 2.25, r;
    one_label(&p, sizeof p, A);
    r = p * q + 1;
    ask(&r, 7, A, 1);
    r = q;
    ask(&r, 7, A, 0);
    say("long double");
    volatile long double s = 1.5L, t;
    one_label(&s, 10, A);
    t = s * 3;
    ask(&t, 9, A, 1);
    volatile int number = (int)p;
    ask(&number, 0, A, 1);
}

int main(void)
{
    enable();
    OPERATORS(uint8_t);
    OPERATORS(int8_t);
    OPERATORS(uint16_t);
    OPERATORS(int16_t);
    OPERATORS(uint32_t);
    OPERATORS(int32_t);
    OPERATORS(uint64_t);
    OPERATORS(int64_t);
    copies();
    others();
    printf("%lu\n", asked);
    return 0;
}
