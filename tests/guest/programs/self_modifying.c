/* Writes code and runs it, again and again: in a page of its own, in the page that it runs in, across two pages, and by
 * overwriting the instruction that comes next in the same block. Prints a sum to which each patched instruction adds.
 * */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef uint64_t (*function)(uint64_t);

/* lea rax, [rdi + value]; ret */
static size_t put_adder(uint8_t *at, int32_t value)
{
    static const uint8_t code[] = { 0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3 };

    memcpy(at, code, sizeof(code));
    memcpy(at + 3, &value, sizeof(value));
    return sizeof(code);
}

/* mov dword [rip + 1], edi; mov eax, 0 (whose operand the store has just changed); ret */
static void put_next_patcher(uint8_t *at)
{
    static const uint8_t code[] = { 0x89, 0x3d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3 };

    memcpy(at, code, sizeof(code));
}

int main(void)
{
    uint8_t *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t sum = 0;

    if (page == MAP_FAILED) {
        return 1;
    }
    for (int32_t i = 0; i < 2000; i++) {
        put_adder(page, i);
        sum = ((function)(uintptr_t)page)(sum);
        put_adder(page + 4096 - 4, 3 * i); /* across two pages */
        sum = ((function)(uintptr_t)(page + 4096 - 4))(sum);
        put_next_patcher(page + 8192);
        sum += ((function)(uintptr_t)(page + 8192))(i);
    }
    printf("%llu\n", (unsigned long long)sum);
    return sum == 5ull * 1999 * 2000 / 2 ? 0 : 1;
}
