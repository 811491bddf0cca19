/* Twenty programs that use their heap wrongly: usage: planted NUMBER. Freed blocks are not handed out again before they are
   used, because that would hide the error from whoever knows only addresses. Functions are named after what they do. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long sink;
static void *kept;

struct node {
    struct node *next;
    long value;
};

static void read_freed(void) {
    long *block = malloc(64);
    block[3] = 7;
    free(block);
    sink = block[3];
}
static void write_freed(void) {
    long *block = malloc(64);
    free(block);
    block[4] = 1;
}
static void read_last_byte(void) {
    char *block = malloc(33);
    memset(block, 1, 33);
    free(block);
    sink = block[32];
}
static void free_twice(void) {
    char *first = malloc(40), *second = malloc(40);
    free(first);
    free(second);
    free(first);
}
static void free_middle(void) {
    char *block = malloc(128);
    memset(block, 0, 128);
    kept = block;
    free(block + 16);
}
static void free_stack(void) {
    long local[8] = {0, 65};
    free(local + 2);
}
static void lose_block(void) {
    char *volatile block = malloc(100);
    block = NULL;
    sink = block != NULL;
}
static void lose_list(void) {
    struct node *volatile head = NULL;
    for (int i = 0; i < 10; ++i) {
        struct node *node = malloc(sizeof *node);
        node->next = head;
        node->value = i;
        head = node;
    }
    head = NULL;
}
static void lose_calloc(void) {
    void *volatile block = calloc(10, 30);
    block = NULL;
    sink = block != NULL;
}
static void use_after_realloc(void) {
    long *block = malloc(64), *wall = malloc(64);
    block[2] = 5;
    long *moved = realloc(block, 4096);
    sink = block[2];
    free(moved);
    free(wall);
}
static void walk_freed_list(void) {
    struct node *head = NULL;
    for (int i = 0; i < 5; ++i) {
        struct node *node = malloc(200);
        node->next = head;
        node->value = i;
        head = node;
    }
    for (struct node *node = head; node != NULL; node = node->next) {
        sink = node->value;
        if (node->value == 2) {
            free(node);
            sink = node->value; /* then it stops, as freed links may have changed */
            break;
        }
    }
    kept = head;
}
static void copy_from_freed(void) {
    char target[24];
    char *block = malloc(100);
    memset(block, 'x', 100);
    free(block);
    memcpy(target, block + 40, sizeof target);
    sink = target[3];
}
static void write_freed_to_file(void) {
    char *block = malloc(100);
    memset(block, 'y', 100);
    free(block);
    if (write(1, block + 50, 4) != 4)
        abort();
}
static void *thread_reads(void *block) {
    sink = ((long *)block)[5];
    return NULL;
}
static void free_for_thread(void) {
    pthread_t thread;
    long *block = malloc(80);
    free(block);
    pthread_create(&thread, NULL, thread_reads, block);
    pthread_join(thread, NULL);
}
static void lose_aligned(void) {
    void *block = NULL;
    if (posix_memalign(&block, 256, 500) != 0)
        abort();
    memset(block, 0, 500);
    block = NULL;
    sink = block != NULL;
}
static void read_big_freed(void) {
    char *block = malloc(100000);
    memset(block, 0, 100000);
    char *wall = malloc(64); /* so that the heap's end is not given back */
    free(block);
    sink = block[50000];
    free(wall);
}
static void child_reads(const long *block) {
    sink = block[6];
}
static void child_uses_freed(void) {
    long *block = malloc(72);
    free(block);
    if (fork() == 0) {
        child_reads(block);
        _exit(0);
    }
    wait(NULL);
}
static void increment_freed(void) {
    long *block = malloc(64);
    memset(block, 0, 64);
    free(block);
    ++block[4];
}
static void lose_in_structure(void) {
    struct node *outer = malloc(sizeof *outer);
    outer->next = malloc(300);
    outer->value = 1;
    free(outer); /* and with it the only pointer to the other */
    outer = NULL;
}
static void many_errors(void) {
    long *block = malloc(56);
    block[0] = 1;
    free(block);
    for (int i = 3; i < 6; ++i)
        sink = block[i];
    free(block);
}

/* So that no old pointer is left by chance on the stack, or in a register that the dynamic linker pushes there, which
   would keep a lost block reachable. */
static void clear_traces(void) {
    volatile char bytes[8192];
    static size_t i; /* not on the stack, where it would leave a hole */
    for (i = 0; i < sizeof bytes; ++i)
        bytes[i] = 0;
    __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi; xor %%r8d, %%r8d;"
                     "xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d" ::
                         : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}

int main(int count, char **arguments) {
    static void (*const programs[])(void) = {
        read_freed,      write_freed,     read_last_byte,      free_twice,      free_middle,
        free_stack,      lose_block,      lose_list,           lose_calloc,     use_after_realloc,
        walk_freed_list, copy_from_freed, write_freed_to_file, free_for_thread, lose_aligned,
        read_big_freed,  child_uses_freed, increment_freed,    lose_in_structure, many_errors};
    const int number = count == 2 ? atoi(arguments[1]) : -1;
    if (number < 0 || number >= (int)(sizeof programs / sizeof *programs))
        return 2;
    programs[number]();
    clear_traces();
    return 0;
}
