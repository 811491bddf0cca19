/* kexec KERNEL INITRD COMMAND-LINE: starts another kernel at once, without asking anybody. */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    int kernel, initrd;

    if (count != 4) {
        fprintf(stderr, "usage: kexec KERNEL INITRD COMMAND-LINE\n");
        return 2;
    }
    kernel = open(arguments[1], O_RDONLY);
    initrd = open(arguments[2], O_RDONLY);
    if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(arguments[3]) + 1, arguments[3], 0UL) != 0) {
        perror("kexec_file_load");
        return 1;
    }
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0UL);
    perror("reboot");
    return 1;
}
