/* Twenty programs that use their heap in ways that look odd and are right: usage: clean NUMBER. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long sink;
static void *kept;

struct node {
    struct node *next;
    long value;
};

static void nothing(void) {
}
static void free_null(void) {
    free(NULL);
    free(realloc(NULL, 10));
}
static void zero_bytes(void) {
    free(malloc(0));
    free(calloc(0, 8));
}
static void reuse(void) {
    for (int i = 0; i < 1000; ++i) {
        long *block = malloc(64);
        block[0] = i;
        sink = block[0];
        free(block);
    }
}
static void grow(void) {
    char *block = malloc(1);
    for (size_t size = 2; size < 300000; size = size * 3 / 2 + 1) {
        block = realloc(block, size);
        block[size - 1] = 1;
    }
    free(block);
}
static void shrink(void) {
    char *block = malloc(100000);
    block = realloc(block, 10);
    block[9] = 1;
    free(block);
}
static void still_reachable(void) {
    kept = malloc(100);
}
static void reachable_list(void) {
    for (int i = 0; i < 20; ++i) {
        struct node *node = malloc(sizeof *node);
        node->next = kept;
        node->value = i;
        kept = node;
    }
}
static void reachable_by_middle(void) {
    kept = (char *)malloc(100) + 50;
    kept = (char *)kept - 50; /* valgrind counts a pointer to the middle as possibly lost only */
}
static void aligned(void) {
    void *block = NULL;
    if (posix_memalign(&block, 4096, 100) != 0)
        abort();
    memset(block, 1, 100);
    free(block);
    free(aligned_alloc(64, 640));
    free(memalign(32, 5));
}
static void *thread_works(void *block) {
    for (int i = 0; i < 100; ++i) {
        free(malloc((size_t)i * 7));
        ((char *)block)[i] = 1;
    }
    return malloc(10);
}
static void threads(void) {
    pthread_t thread[3];
    char *block = malloc(100);
    void *result;
    for (int i = 0; i < 3; ++i)
        pthread_create(&thread[i], NULL, thread_works, block);
    for (int i = 0; i < 3; ++i) {
        pthread_join(thread[i], &result);
        free(result);
    }
    free(block);
}
static void standard_io(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        sink += line[0];
    if (file != NULL)
        fclose(file);
    printf("%ld\n", (long)(sink != 0));
}
static void big_blocks(void) {
    for (int i = 0; i < 10; ++i) {
        char *block = malloc(1000000);
        block[999999] = 1;
        free(block);
    }
}
static void mapped_where_freed(void) {
    char *block = malloc(1000000);
    free(block);
    char *mapped = mmap(NULL, 1000000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped[0] = mapped[999999] = 1;
    munmap(mapped, 1000000);
}
static void child_frees(void) {
    char *block = malloc(50);
    if (fork() == 0) {
        free(block);
        _exit(0);
    }
    wait(NULL);
    block[0] = 1;
    free(block);
}
static void another_program(void) {
    char *block = malloc(50);
    if (fork() == 0) {
        free(block);
        execl("/proc/self/exe", "clean", "0", (char *)NULL);
        _exit(1);
    }
    wait(NULL);
    free(block);
}
static jmp_buf place;
static void jump(void) {
    char *volatile block = malloc(60);
    if (setjmp(place) == 0)
        longjmp(place, 1);
    block[0] = 1;
    free(block);
}
static volatile sig_atomic_t signals;
static void handler(int number) {
    (void)number;
    ++signals;
}
static void interrupted(void) {
    signal(SIGUSR1, handler);
    for (int i = 0; i < 50; ++i) {
        void *block = malloc(100);
        raise(SIGUSR1);
        free(block);
    }
}
static void too_much(void) {
    volatile size_t size = SIZE_MAX / 2;
    if (malloc(size) != NULL || calloc(size, 4) != NULL)
        abort();
}
static void sorted(void) {
    long *numbers = malloc(1000 * sizeof *numbers);
    for (int i = 0; i < 1000; ++i)
        numbers[i] = (i * 7919) % 1000;
    char *text = strdup("some text");
    for (int i = 0; i + 1 < 1000; ++i)
        numbers[i] += text[i % 9];
    free(text);
    free(numbers);
}

int main(int count, char **arguments) {
    static void (*const programs[])(void) = {
        nothing,     free_null,       zero_bytes,          reuse,   grow,        shrink,     still_reachable,
        reachable_list, reachable_by_middle, aligned, threads, standard_io, big_blocks, mapped_where_freed,
        child_frees, another_program, jump, interrupted, too_much, sorted};
    const int number = count == 2 ? atoi(arguments[1]) : -1;
    if (number < 0 || number >= (int)(sizeof programs / sizeof *programs))
        return 2;
    programs[number]();
    return 0;
}
