/* Memory areas of every kind, threads, and places in other mounts. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "population.h"

enum { page = 4096 };

static void* map(int file, size_t pages, int protection, int flags, size_t first_page) {
    void* memory = mmap(NULL, pages * page, protection, flags, file, first_page * page);

    check(memory == MAP_FAILED ? -1 : 0, "mmap");
    return memory;
}

static int create(const char* path) {
    const int file = check(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), path);

    check(ftruncate(file, 16 * page), path);
    return file;
}

/* More areas than a node of the maple tree holds, with different protections so that they are not joined. */
static void map_many(void) {
    char* memory = map(-1, 200, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
    int i;

    for (i = 0; i < 200; i += 2)
        check(mprotect(memory + i * page, page, i % 4 == 0 ? PROT_READ : PROT_READ | PROT_WRITE), "mprotect");
}

void map_memory(void) {
    const int file = create("/tmp/mapped");
    const int deleted = create("/tmp/mapped and deleted");
    const int odd = create("/tmp/mapped\nand odd \\");
    const int memory_file = check(memfd_create("mapped", 0), "memfd_create");
    const int segment = check(shmget(IPC_PRIVATE, 3 * page, 0600), "shmget");

    map(file, 2, PROT_READ, MAP_PRIVATE, 3);
    map(file, 5, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    map(file, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, 15);
    map(deleted, 1, PROT_READ, MAP_SHARED, 0);
    check(unlink("/tmp/mapped and deleted"), "unlink");
    map(odd, 1, PROT_READ, MAP_SHARED, 0);
    check(ftruncate(memory_file, page), "ftruncate");
    map(memory_file, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    map(-1, 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
    map(-1, 4, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, 0);
    check(shmat(segment, NULL, 0) == (void*)-1 ? -1 : 0, "shmat");
    check(shmctl(segment, IPC_RMID, NULL), "shmctl");
    check(sbrk(10 * page) == (void*)-1 ? -1 : 0, "sbrk");
    map_many();
}

static void* wait_for_ever(void* name) {
    pthread_setname_np(pthread_self(), name);
    for (;;)
        pause();
    return NULL;
}

void start_threads(void) {
    static char names[5][16] = {"first", "second", "with a space", "fifteen letters", "new\nline"};
    pthread_t thread;
    int i;

    for (i = 0; i < 5; i++)
        check(-pthread_create(&thread, NULL, wait_for_ever, names[i]), "pthread_create");
    usleep(200000); /* until they have their names */
}

/* A mount of its own in a namespace of its own, a bind mount of a directory below another, and another root.
 */
void change_root_and_mounts(void) {
    check(mkdir("/tmp/bound", 0755), "mkdir");
    check(mkdir("/tmp/root", 0755), "mkdir");
    check(mkdir("/tmp/bound/inner", 0755), "mkdir");
    check(mkdir("/tmp/elsewhere", 0755), "mkdir");
    check(mount("/tmp/bound", "/tmp/elsewhere", NULL, MS_BIND, NULL), "mount");
    check(open("/tmp/elsewhere/inner/file", O_RDWR | O_CREAT, 0644), "open");
    check(chdir("/tmp/elsewhere/inner"), "chdir");
    if (check(fork(), "fork") == 0) {
        check(unshare(CLONE_NEWNS), "unshare");
        check(mount("none", "/tmp/root", "tmpfs", 0, NULL), "mount");
        check(open("/tmp/root/file", O_RDWR | O_CREAT, 0644), "open");
        check(chroot("/tmp/root"), "chroot");
        check(chdir("/"), "chdir");
        check(mkdir("deep", 0755), "mkdir");
        check(open("/deep", O_RDONLY | O_DIRECTORY), "open");
        for (;;)
            pause();
    }
    usleep(200000);
}
