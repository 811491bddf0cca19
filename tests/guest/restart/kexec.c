/* kexec KERNEL INITRD COMMAND-LINE: starts another kernel at once, without asking anybody. It does what a boot loader does
 * (Documentation/arch/x86/boot.rst of the kernel), because the kernel's own loader, kexec_file_load(), hashes everything
 * twice, which is most of what such a restart costs. */
#include <asm/bootparam.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    page = 4096,
    parameters_at = 0x90000, /* then the command line, then the code that starts the kernel */
    command_line_at = parameters_at + page,
    start_at = command_line_at + page,
    initrd_at = 0x8000000,
    entry_64 = 0x200, /* from the start of the kernel's protected-mode part */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Reads a file into pages; sets *size to its bytes, and *pages to those of its pages. */
static unsigned char *read_file(const char *path, size_t *size, size_t *pages)
{
    const int file = open(path, O_RDONLY);
    unsigned char *bytes;
    struct stat status;
    ssize_t done;

    if (file < 0 || fstat(file, &status) < 0)
        fail(path);
    *size = (size_t)status.st_size;
    *pages = (*size + page - 1) / page * page;
    bytes = calloc(1, *pages);
    if (!bytes)
        fail("calloc");
    for (size_t at = 0; at < *size; at += (size_t)done) {
        done = read(file, bytes + at, *size - at);
        if (done <= 0)
            fail(path);
    }
    return bytes;
}

/* What the firmware said about memory, as this kernel tells it. */
static void copy_memory_map(struct boot_params *parameters)
{
    static const char *const names[] = {"start", "end", "type"};
    char path[100], words[3][40];
    struct boot_e820_entry *entry;

    for (int i = 0; i < E820_MAX_ENTRIES_ZEROPAGE; i++) {
        for (int k = 0; k < 3; k++) {
            FILE *file;

            snprintf(path, sizeof(path), "/sys/firmware/memmap/%d/%s", i, names[k]);
            file = fopen(path, "r");
            if (!file)
                return;
            if (!fgets(words[k], sizeof(words[k]), file))
                fail(path);
            fclose(file);
        }
        entry = &parameters->e820_table[parameters->e820_entries++];
        entry->addr = strtoull(words[0], NULL, 16);
        entry->size = strtoull(words[1], NULL, 16) + 1 - entry->addr;
        entry->type = strncmp(words[2], "System RAM", 10) == 0 ? 1 : 2;
    }
}

/* movabs $parameters, %rsi; movabs $kernel, %rax; jmp *%rax */
static void write_start(unsigned char *code, unsigned long kernel)
{
    const unsigned long parameters = parameters_at, entry = kernel + entry_64;

    memcpy(code, "\x48\xbe", 2);
    memcpy(code + 2, &parameters, 8);
    memcpy(code + 10, "\x48\xb8", 2);
    memcpy(code + 12, &entry, 8);
    memcpy(code + 20, "\xff\xe0", 2);
}

int main(int count, char **arguments)
{
    static union {
        struct boot_params parameters;
        unsigned char bytes[3 * page]; /* the parameters, the command line and the code */
    } low __attribute__((aligned(page)));
    size_t kernel_size, kernel_pages, initrd_size, initrd_pages, setup;
    unsigned char *kernel, *initrd;
    struct setup_header *header = &low.parameters.hdr;

    if (count != 4) {
        fprintf(stderr, "usage: kexec KERNEL INITRD COMMAND-LINE\n");
        return 2;
    }
    kernel = read_file(arguments[1], &kernel_size, &kernel_pages);
    initrd = read_file(arguments[2], &initrd_size, &initrd_pages);
    memcpy(header, kernel + 0x1f1, 0x202 + kernel[0x201] - 0x1f1);
    setup = (header->setup_sects + 1) * 512;
    header->type_of_loader = 0xff;
    header->ramdisk_image = initrd_at;
    header->ramdisk_size = (__u32)initrd_size;
    header->cmd_line_ptr = command_line_at;
    copy_memory_map(&low.parameters);
    snprintf((char *)low.bytes + page, page, "%s", arguments[3]);
    write_start(low.bytes + 2 * page, header->pref_address);

    struct kexec_segment segments[] = {
        {low.bytes, sizeof(low.bytes), (void *)parameters_at, sizeof(low.bytes)},
        {kernel + setup, kernel_size - setup, (void *)header->pref_address,
         (header->init_size + page - 1) / page * page},
        {initrd, initrd_size, (void *)initrd_at, initrd_pages},
    };
    if (syscall(SYS_kexec_load, (unsigned long)start_at, 3UL, segments, (unsigned long)KEXEC_ARCH_X86_64) != 0)
        fail("kexec_load");
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0UL);
    fail("reboot");
}
