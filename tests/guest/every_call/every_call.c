// Makes every system call that cannot do harm, with arguments of several kinds. Each is meant to fail: descriptors are not
// open, and the program is nobody's.
#define _GNU_SOURCE
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { page = 4096, last_call = 450 };

// Those that end the program or its peace, wait, or take its memory or its rights away. Other programs of the comparison
// make most of these.
static const long left_out[] = {SYS_exit,
                                SYS_exit_group,
                                SYS_fork,
                                SYS_vfork,
                                SYS_clone,
                                SYS_clone3,
                                SYS_pause,
                                SYS_rt_sigreturn,
                                SYS_rt_sigsuspend,
                                SYS_reboot,
                                SYS_kill,
                                SYS_tkill,
                                SYS_tgkill,
                                SYS_munmap,
                                SYS_brk,
                                SYS_mmap,
                                SYS_mremap,
                                SYS_rseq,
                                SYS_ptrace,
                                SYS_pidfd_send_signal,
                                SYS_rt_sigqueueinfo,
                                SYS_vhangup,
                                SYS_rt_tgsigqueueinfo,
                                SYS_setsid,
                                SYS_seccomp,
                                SYS_close_range,
                                SYS_restart_syscall,
                                SYS_alarm,
                                SYS_setitimer,
                                SYS_set_robust_list,
                                SYS_rt_sigaction,
                                SYS_rt_sigprocmask,
                                SYS_arch_prctl,
                                SYS_mprotect,
                                SYS_pkey_mprotect,
                                SYS_userfaultfd,
                                SYS_shmat,
                                SYS_remap_file_pages,
                                SYS_setrlimit,
                                SYS_prlimit64,
                                SYS_setuid,
                                SYS_setgid,
                                SYS_setreuid,
                                SYS_setregid,
                                SYS_setresuid,
                                SYS_setresgid,
                                SYS_setfsuid,
                                SYS_setfsgid,
                                SYS_unshare,
                                SYS_select,
                                SYS_pselect6,
                                SYS_iopl,
                                SYS_modify_ldt,
                                SYS_epoll_wait,
                                SYS_poll,
                                SYS_wait4,
                                SYS_landlock_restrict_self,
                                SYS_execve,
                                SYS_sched_setattr,
                                SYS_sched_setscheduler,
                                SYS_uselib,
                                SYS_prctl,
                                SYS_getrandom,
                                SYS_times,
                                SYS_time,
                                SYS_gettimeofday,
                                SYS_clock_gettime,
                                SYS_sysinfo,
                                SYS_getcpu,
                                SYS_futex,
                                SYS_nanosleep,
                                SYS_clock_nanosleep};

static int is_left_out(long number) {
    for (unsigned i = 0; i < sizeof left_out / sizeof *left_out; ++i)
        if (left_out[i] == number)
            return 1;
    // There is nothing between the two ranges of numbers.
    return number > 334 && number < 424;
}

int main(void) {
    char* zeros = mmap((void*)0x10000000, 16 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    char *ones = zeros + 4 * page, *nothing = zeros + 12 * page;
    if (zeros == MAP_FAILED || mprotect(nothing, 4 * page, PROT_NONE))
        return 1;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (setgroups(0, 0) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        return 1;
    for (int number = 1; number < 32; ++number)
        signal(number, SIG_IGN);
    const long z = (long)zeros, o = (long)ones, n = (long)nothing;
    const long sets[][6] = {{-1, z, z, z, z, z},
                            {-1, o, 2, o, 3, o},
                            {-1, 2, o, 4, o, 4},
                            {-1, 1, z, 1, z, 1},
                            {n, n, n, n, n, n}};
    for (long number = 0; number <= last_call; ++number)
        for (unsigned i = 0; i < sizeof sets / sizeof *sets && !is_left_out(number); ++i) {
            memset(zeros, 0, 4 * page);
            memset(ones, 1, 4 * page);
            const long* set = sets[i];
            syscall(number, set[0], set[1], set[2], set[3], set[4], set[5]);
        }
    // What these take depends on an argument.
    static const struct {
        long number;
        int place, first, last;
    } commands[] = {{SYS_prctl, 0, 1, 70},  {SYS_keyctl, 0, 0, 31},
                    {SYS_fcntl, 1, 0, 16},  {SYS_fcntl, 1, 1024, 1037},
                    {SYS_bpf, 0, 0, 36},    {SYS_fsconfig, 1, 0, 8},
                    {SYS_semctl, 2, 0, 20}, {SYS_msgctl, 1, 0, 14},
                    {SYS_shmctl, 1, 0, 16}, {SYS_io_uring_register, 1, 0, 25}};
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; ++i)
        for (int command = commands[i].first; command <= commands[i].last; ++command)
            for (int kind = 0; kind < 2; ++kind) {
                memset(zeros, 0, 4 * page);
                memset(ones, 1, 4 * page);
                const long place = kind == 0 ? z : o;
                long set[6] = {-1, place, place, place, place, place};
                if (commands[i].number == SYS_bpf)
                    set[2] = 128;
                set[commands[i].place] = command;
                syscall(commands[i].number, set[0], set[1], set[2], set[3], set[4], set[5]);
            }
    return 0;
}
