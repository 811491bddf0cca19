// The ways into a 64-bit kernel that 64-bit code seldom takes: int 0x80, which makes calls of i386, and the numbers of
// x32, which this kernel may not know.
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long int80(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(second), "d"(third)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

int main(void) {
    enum { i386_read = 3, i386_write = 4, i386_open = 5, i386_close = 6, i386_getpid = 20, i386_nanosleep = 162 };
    // Memory that 32 bits can tell.
    char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED)
        return 1;
    strcpy(low, "/proc/self/comm");
    long fd = int80(i386_open, (long)low, O_RDONLY, 0);
    int80(i386_read, fd, (long)low + 64, 16);
    int80(i386_close, fd, 0, 0);
    int80(i386_getpid, 0, 0, 0);
    int80(i386_write, -1, (long)low, 4);
    int *time = (int *)(low + 128);
    time[0] = 0, time[1] = 1000;
    int80(i386_nanosleep, (long)time, 0, 0);
    // Registers have 64 bits, of which such a call sees 32.
    int80(i386_close, 0x123456789abcdefL, 0, 0);
    enum { x32 = 0x40000000 };
    syscall(x32 + SYS_getpid);
    syscall(x32 + SYS_write, -1, low, 4);
    syscall(x32 + 512, 2, 0, 0, 8);
    // Pointers in memory have 32 bits: writev, readv, preadv with vectors, execve with its lists.
    int *words = (int *)(low + 256);
    words[0] = (int)(long)low, words[1] = 5, words[2] = (int)(long)(low + 1), words[3] = 3;
    syscall(x32 + 516, -1, words, 2);
    syscall(x32 + 515, -1, words, 2);
    words[4] = (int)(long)low, words[5] = 0;
    syscall(x32 + 520, low, words + 4, words + 5);
    syscall(x32 + SYS_lseek, -1, 0x123456789L, 0);
    syscall(x32 + SYS_nanosleep, 0, 0);
    syscall(x32 + 600);
    return syscall(100000) == 0;
}
