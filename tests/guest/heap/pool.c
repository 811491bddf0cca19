/* A 32-bit program with an allocator of its own, which reads a block that it gave back, gives one back twice, and loses one. */

struct pool {
    unsigned used;
    char bytes[4096];
};
static struct pool pool;
static volatile int sink;

__attribute__((noinline)) void *pool_get(struct pool *from, unsigned size) {
    void *block = from->bytes + from->used;
    from->used += (size + 7) & ~7u;
    return block;
}
__attribute__((noinline)) void pool_put(struct pool *to, void *block) {
    *(struct pool *volatile *)block = to; /* the allocator may use freed blocks itself */
}

__attribute__((noinline)) static void leave(void) {
    __asm__ volatile("int $0x80" ::"a"(1), "b"(0));
}

__attribute__((noinline)) static void main_part(void) {
    volatile int *first = pool_get(&pool, 24);
    volatile int *second = pool_get(&pool, 16);
    pool_get(&pool, 40);
    pool_put(&pool, (void *)first);
    sink = first[2];
    pool_put(&pool, (void *)second);
    pool_put(&pool, (void *)second);
}

void main_start(void) __asm__("main");
void main_start(void) {
    main_part();
    leave();
}

__asm__(".globl _start\n_start: call main\n hlt\n");
