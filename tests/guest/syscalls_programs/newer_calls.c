#define _GNU_SOURCE
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    int f = (int)syscall(SYS_fsopen, "tmpfs", 1);
    syscall(SYS_fsconfig, f, 1, "size", "1M", 0);
    syscall(SYS_fsconfig, f, 6, 0, 0, 0);
    int m = (int)syscall(SYS_fsmount, f, 1, 0);
    syscall(SYS_move_mount, m, "", -100, "/mnt", 4);
    syscall(SYS_keyctl, 0, -3, 0, 0, 0);
    syscall(SYS_add_key, "user", "k", "v", 1, -3);
    char z[8] = "payload";
    ioctl(0, _IOW(0xde, 0xad, z), z);
    personality(ADDR_NO_RANDOMIZE);
    pid_t want = sizeof(long) == 8 ? 4242 : 4243;
    struct clone_args c = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&want, .set_tid_size = 1};
    pid_t k = (pid_t)syscall(SYS_clone3, &c, sizeof c);
    if (k == 0) _exit(0);
    waitpid(k, 0, 0);
    struct { struct nlmsghdr h; struct rtgenmsg g; } q = {{sizeof q, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_PACKET}};
    return send(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), &q, sizeof q, 0) < 0;
}
