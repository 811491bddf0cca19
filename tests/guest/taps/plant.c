// Moves a text about that stands nowhere in this file, a known number of times at each place, and prints the addresses.
//
// decode() writes the text byte by byte, and is called from two places. sum() reads it byte by byte, copy() reads and
// writes it 8 bytes at a time. halves() writes two ranges beside each other. The places are volatile, so that each is
// one instruction.
#include <stdint.h>
#include <stdio.h>

#define LENGTH 24
// "planted: seed of a tree\0", each byte exclusive-or 0x5a.
static const volatile unsigned char hidden[LENGTH] = {0x2a, 0x36, 0x3b, 0x34, 0x2e, 0x3f, 0x3e, 0x60, 0x7a, 0x29, 0x3f, 0x3f,
                                                      0x3e, 0x7a, 0x35, 0x3c, 0x7a, 0x3b, 0x7a, 0x2e, 0x28, 0x3f, 0x3f, 0x5a};
static uint64_t text[LENGTH / 8] __attribute__((aligned(4096)));
static uint64_t other[LENGTH / 8] __attribute__((aligned(4096)));
static volatile unsigned total;
// Numbers that the compiler does not know, so that it unrolls no loop.
static volatile int once = 1;

__attribute__((noipa)) static void decode(volatile char *out) {
    for (int i = 0; i < LENGTH; ++i)
        out[i] = (char)(hidden[i] ^ 0x5a);
}

__attribute__((noipa)) static unsigned sum(const volatile char *in) {
    unsigned all = 0;
    for (int i = 0; i < LENGTH; ++i)
        all += (unsigned)in[i];
    return all;
}

__attribute__((noipa)) static void copy(volatile uint64_t *to, const volatile uint64_t *from) {
    for (int i = 0; i < once * LENGTH / 8; ++i)
        to[i] = from[i];
}

__attribute__((noipa)) static void wipe(volatile uint64_t *what) {
    for (int i = 0; i < LENGTH / 8; ++i)
        what[i] = 0;
}

__attribute__((noipa)) static void halves(volatile uint32_t *where) {
    where[0] = 1;
    where[1] = 2;
}

__attribute__((noipa)) static void first_caller(void) {
    decode((volatile char *)text);
    total += 1;
}

__attribute__((noipa)) static void second_caller(void) {
    decode((volatile char *)text);
    total += 2;
}

int main(void) {
    for (int i = 0; i < 3 * once; ++i)
        first_caller();
    for (int i = 0; i < 7 * once; ++i)
        total += sum((const volatile char *)text);
    wipe(text);
    for (int i = 0; i < 5 * once; ++i)
        second_caller();
    for (int i = 0; i < 2 * once; ++i)
        copy(other, text);
    for (int i = 0; i < 11 * once; ++i)
        halves((volatile uint32_t *)other);
    wipe(text);
    volatile uint64_t local[64];
    for (int i = 0; i < 64 * once; ++i)
        local[i] = total;
    printf("text %p other %p stack %p\n", (void *)text, (void *)other, (void *)&local[32]);
    return 0;
}
