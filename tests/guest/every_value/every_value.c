// Makes every system call with many values in its registers and in the memory that they point to, and has the kernel turn
// each away (seccomp): with an error, or as if it had succeeded, so that what a call gives back is shown as well. Nothing is
// ever done, so no call has to be left out but those that end the program.
//
// usage: every_value fail|succeed FIRST LAST    the numbers of the calls
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { memory_size = 8192, not_implemented = 38 };

static void turn_everything_away(int error) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
    };
    struct sock_fprog filter = {sizeof rules / sizeof rules[0], rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(1);
}

// Small numbers, in which commands are, and single bits, which flags are.
static uint64_t value_at(int place) {
    enum { small = 48 };
    return place < small ? (uint64_t)place : place < small + 32 - 5 ? 1ul << (place - small + 5) : UINT32_MAX;
}

int main(int count, char** arguments) {
    enum { values = 48 + 32 - 5 + 1 };
    if (count != 4)
        return 2;
    // Where 32 bits can tell it.
    char* memory = mmap((void*)0x10000000, memory_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    const long first = atol(arguments[2]), last = atol(arguments[3]);
    turn_everything_away(strcmp(arguments[1], "fail") == 0 ? not_implemented : 0);
    for (long number = first; number <= last; ++number) {
        if (number == SYS_exit_group || number == SYS_exit || number == SYS_rt_sigreturn)
            continue;
        for (int place = 0; place < values; ++place) {
            const uint64_t value = value_at(place);
            for (int at = 0; at < memory_size; at += 4)
                memcpy(memory + at, &value, 4);
            const long v = (long)value, m = (long)memory;
            syscall(number, v, v, v, v, v, v);
            syscall(number, -1, m, v, m, v, m);
            syscall(number, v, v, m, v, m, v);
            syscall(number, v, m, m, m, m, m);
        }
    }
    return 0;
}
