// How calls are written. The expected lines are strace 6.1's own.
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <random>

#include "syscalls_fakes.h"

namespace {

using namespace panda::syscalls;
constexpr Abi x86_64 = Abi::x86_64;
constexpr Abi i386 = Abi::i386;

}  // namespace

TEST_CASE("the tables know the calls of both ABIs by number and by name", "[syscalls]") {
    REQUIRE(find_call(x86_64, uint64_t{0})->name == std::string("read"));
    REQUIRE(find_call(x86_64, uint64_t{59})->name == std::string("execve"));
    REQUIRE(find_call(i386, uint64_t{3})->name == std::string("read"));
    REQUIRE(find_call(i386, uint64_t{102})->name == std::string("socketcall"));
    for (const char* name :
         {"io_uring_setup", "clone3", "openat2", "futex_waitv", "landlock_add_rule", "rseq"}) {
        INFO(name);
        REQUIRE(find_call(x86_64, std::string(name)) != nullptr);
        REQUIRE(find_call(i386, std::string(name)) != nullptr);
    }
    REQUIRE(find_call(x86_64, uint64_t{100000}) == nullptr);
    REQUIRE(find_call(x86_64, std::string("stat64")) == nullptr);
    for (const Abi abi : {x86_64, i386})
        for (const CallDescription& call : calls(abi))
            REQUIRE(find_call(abi, uint64_t{call.number}) == (call.number == no_number ? nullptr : &call));
}

TEST_CASE("paths, flags and modes", "[syscalls]") {
    FakeMemory memory;
    memory.put_text(0x1000, "/etc/passwd");
    const uint64_t at_fdcwd = static_cast<uint32_t>(-100);
    CHECK(line_of(memory, x86_64, "openat", {at_fdcwd, 0x1000, 02000000}, 3) ==
          "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
    CHECK(
        line_of(memory, x86_64, "openat", {at_fdcwd, 0x1000, 01101, 0644}, -13) ==
        "openat(AT_FDCWD, \"/etc/passwd\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = -1 EACCES (Permission denied)");
    CHECK(line_of(memory, x86_64, "openat", {at_fdcwd, 0x1000, 02204000}, 3) ==
          "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_DIRECTORY) = 3");
    CHECK(line_of(memory, x86_64, "access", {0x1000, 4}, -2) ==
          "access(\"/etc/passwd\", R_OK) = -1 ENOENT (No such file or directory)");
    CHECK(line_of(memory, x86_64, "access", {0x1000, 0}, 0) == "access(\"/etc/passwd\", F_OK) = 0");
    CHECK(line_of(memory, x86_64, "open", {0xdead0000, 0}, -14) ==
          "open(0xdead0000, O_RDONLY) = -1 EFAULT (Bad address)");
    CHECK(line_of(memory, x86_64, "umask", {022}, 077) == "umask(022) = 077");
}

TEST_CASE("buffers are read when the kernel has filled them, and shortened", "[syscalls]") {
    FakeMemory memory;
    memory.put_text(0x2000, std::string("\177ELF\2\1\1\0\0\n\t\"\\", 13) + std::string(50, 'x'));
    CHECK(line_of(memory, x86_64, "read", {3, 0x2000, 832}, 13) ==
          "read(3, \"\\177ELF\\2\\1\\1\\0\\0\\n\\t\\\"\\\\\", 832) = 13");
    CHECK(line_of(memory, x86_64, "read", {3, 0x2000, 832}, -9) ==
          "read(3, 0x2000, 832) = -1 EBADF (Bad file descriptor)");
    TextOptions options;
    options.string_limit = 4;
    CHECK(line_of(memory, x86_64, "write", {1, 0x2000, 40}, 40, options) ==
          "write(1, \"\\177ELF\"..., 40) = 40");
    memory.put_values<unsigned char>(0x3000, {0, '7', 1, '8'});
    CHECK(line_of(memory, x86_64, "write", {1, 0x3000, 4}, 4) == "write(1, \"\\0007\\18\", 4) = 4");
}

TEST_CASE("memory calls", "[syscalls]") {
    const FakeMemory memory;
    CHECK(line_of(memory, x86_64, "mmap", {0, 8192, 3, 0x22, static_cast<uint64_t>(-1), 0}, 0x7fd4a6592000) ==
          "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fd4a6592000");
    CHECK(
        line_of(memory, x86_64, "mmap", {0x7fd4a6560000, 110592, 5, 0x812, 3, 0x7000}, 0x7fd4a6560000) ==
        "mmap(0x7fd4a6560000, 110592, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x7000) = "
        "0x7fd4a6560000");
    CHECK(line_of(memory, x86_64, "brk", {0}, 0x55a637e09000) == "brk(NULL) = 0x55a637e09000");
    CHECK(line_of(memory, x86_64, "mprotect", {0x1000, 4096, 0}, 0) ==
          "mprotect(0x1000, 4096, PROT_NONE) = 0");
}

TEST_CASE("structures of both ABIs", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<int64_t>(0x1000, {5, 250000000});
    memory.put_values<int32_t>(0x2000, {7, 1000});
    CHECK(line_of(memory, x86_64, "nanosleep", {0x1000, 0x1000}, 0) ==
          "nanosleep({tv_sec=5, tv_nsec=250000000}, 0x1000) = 0");
    CHECK(line_of(memory, i386, "nanosleep", {0x2000, 0}, 0) ==
          "nanosleep({tv_sec=7, tv_nsec=1000}, NULL) = 0");
    CHECK(line_of(memory, x86_64, "nanosleep", {0x1000, 0x1000}, -516) ==
          "nanosleep({tv_sec=5, tv_nsec=250000000}, {tv_sec=5, tv_nsec=250000000}) = "
          "? ERESTART_RESTARTBLOCK (Interrupted by signal)");
    // struct stat of x86_64: st_mode at 24, st_rdev at 40, st_size at 48.
    memory.put_values<uint64_t>(0x3000, {0, 0, 0, 0100755, 0, 0x501, 4711});
    CHECK(line_of(memory, x86_64, "fstat", {3, 0x3000}, 0) ==
          "fstat(3, {st_mode=S_IFREG|0755, st_size=4711, ...}) = 0");
    memory.put_values<uint64_t>(0x3018, {020620});
    CHECK(line_of(memory, x86_64, "fstat", {3, 0x3000}, 0) ==
          "fstat(3, {st_mode=S_IFCHR|0620, st_rdev=makedev(0x5, 0x1), ...}) = 0");
    memory.put_values<uint64_t>(0x4000, {8192 * 1024, std::numeric_limits<uint64_t>::max()});
    CHECK(line_of(memory, x86_64, "prlimit64", {0, 3, 0, 0x4000}, 0) ==
          "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0");
}

TEST_CASE("processes", "[syscalls]") {
    FakeMemory memory;
    memory.put_text(0x1000, "/bin/ls");
    memory.put_text(0x1010, "ls");
    memory.put_text(0x1020, "-l");
    memory.put_values<uint64_t>(0x2000, {0x1010, 0x1020, 0});
    memory.put_values<uint64_t>(0x3000, {0x1010, 0});
    CHECK(line_of(memory, x86_64, "execve", {0x1000, 0x2000, 0x3000}, 0) ==
          "execve(\"/bin/ls\", [\"ls\", \"-l\"], 0x3000 /* 1 var */) = 0");
    CHECK(line_of(memory, x86_64, "clone", {0x1200011, 0, 0, 0x7f0000000a10, 0}, 42) ==
          "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, "
          "child_tidptr=0x7f0000000a10) = 42");
    memory.put_values<uint32_t>(0x4000, {0x0300, 9, 0x137f, 0xffff});
    CHECK(line_of(memory, x86_64, "wait4", {UINT64_MAX, 0x4000, 0, 0}, 42) ==
          "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 42");
    CHECK(line_of(memory, x86_64, "wait4", {UINT64_MAX, 0x4004, 1, 0}, 42) ==
          "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], WNOHANG, NULL) = 42");
    CHECK(line_of(memory, x86_64, "wait4", {UINT64_MAX, 0x4008, 2, 0}, 42) ==
          "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], WSTOPPED, NULL) = 42");
    CHECK(line_of(memory, x86_64, "futex", {0x5000, 0x80, 2, 0}, -11) ==
          "futex(0x5000, FUTEX_WAIT_PRIVATE, 2, NULL) = -1 EAGAIN (Resource temporarily unavailable)");
    CHECK(line_of(memory, x86_64, "futex", {0x5000, 0x81, 1}, 0) ==
          "futex(0x5000, FUTEX_WAKE_PRIVATE, 1) = 0");
}

TEST_CASE("sockets", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<unsigned char>(0x1000, {2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(line_of(memory, x86_64, "socket", {2, 02000001, 0}, 3) ==
          "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3");
    CHECK(line_of(memory, x86_64, "connect", {3, 0x1000, 16}, -111) ==
          "connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = "
          "-1 ECONNREFUSED (Connection refused)");
    memory.put_values<uint16_t>(0x2000, {1});
    memory.put_text(0x2002, "/run/x");
    CHECK(line_of(memory, x86_64, "bind", {3, 0x7000, 110}, 0) == "bind(3, 0x7000, 110) = 0");
    CHECK(line_of(memory, x86_64, "bind", {3, 0x2000, 9}, 0) ==
          "bind(3, {sa_family=AF_UNIX, sun_path=\"/run/x\"}, 9) = 0");
    memory.put_values<uint32_t>(0x3000, {16, 1});
    CHECK(line_of(memory, x86_64, "accept", {3, 0x1000, 0x3000}, 4) ==
          "accept(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, [16]) = 4");
    CHECK(line_of(memory, x86_64, "setsockopt", {3, 1, 2, 0x3004, 4}, 0) ==
          "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0");
}

TEST_CASE("waiting for descriptors", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint16_t>(0x1000, {4, 0, 1, 1});
    CHECK(line_of(memory, x86_64, "poll", {0x1000, 1, 1000}, 1) ==
          "poll([{fd=4, events=POLLIN}], 1, 1000) = 1 ([{fd=4, revents=POLLIN}])");
    CHECK(line_of(memory, x86_64, "poll", {0x1000, 1, 1000}, 0) ==
          "poll([{fd=4, events=POLLIN}], 1, 1000) = 0 (Timeout)");
    memory.put_values<uint64_t>(0x2000, {0x18});
    CHECK(line_of(memory, x86_64, "select", {5, 0x2000, 0, 0, 0}, 1) ==
          "select(5, [3 4], NULL, NULL, NULL) = 1 (in [3 4])");
    memory.put_values<uint32_t>(0x3000, {1, 5, 0});
    CHECK(line_of(memory, x86_64, "epoll_wait", {3, 0x3000, 8, UINT64_MAX}, 1) ==
          "epoll_wait(3, [{events=EPOLLIN, data={u32=5, u64=5}}], 8, -1) = 1");
}

TEST_CASE("signals", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint64_t>(0x1000, {0x401000, 0x14000000, 0x402000, 0x10002});
    CHECK(line_of(memory, x86_64, "rt_sigaction", {2, 0x1000, 0, 8}, 0) ==
          "rt_sigaction(SIGINT, {sa_handler=0x401000, sa_mask=[INT CHLD], sa_flags=SA_RESTORER|SA_RESTART, "
          "sa_restorer=0x402000}, NULL, 8) = 0");
    memory.put_values<uint64_t>(0x2000, {0xfffffffffffffeff});
    CHECK(line_of(memory, x86_64, "rt_sigprocmask", {2, 0x2000, 0, 8}, 0) ==
          "rt_sigprocmask(SIG_SETMASK, ~[KILL], NULL, 8) = 0");
    CHECK(line_of(memory, x86_64, "kill", {7, 33}, 0) == "kill(7, SIGRT_1) = 0");
}

TEST_CASE("arguments of 64 bits take two registers of i386", "[syscalls]") {
    const FakeMemory memory;
    CHECK(line_of(memory, i386, "pread64", {3, 0x1000, 16, 0xfffffff0, 1}, -9) ==
          "pread64(3, 0x1000, 16, 8589934576) = -1 EBADF (Bad file descriptor)");
    CHECK(line_of(memory, x86_64, "pread64", {3, 0x1000, 16, 0x1fffffff0}, -9) ==
          "pread64(3, 0x1000, 16, 8589934576) = -1 EBADF (Bad file descriptor)");
    CHECK(
        line_of(memory, i386, "mmap2", {0, 4096, 3, 0x22, 0xffffffff, 0}, static_cast<int32_t>(0xf7f00000)) ==
        "mmap2(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xf7f00000");
}

TEST_CASE("calls that no table knows, and numbers without a call", "[syscalls]") {
    const FakeMemory memory;
    Call call;
    call.number = 1000;
    call.arguments = {1, 2, 3, 4, 5, 6};
    const TextOptions options;
    CallText text(call, memory, options);
    text.finish({Ending::returned, -38, 0});
    CHECK(text.whole() == "syscall_0x3e8(0x1, 0x2, 0x3, 0x4, 0x5, 0x6)");
    CHECK(text.result() == "-1 ENOSYS (Function not implemented)");
}

TEST_CASE("descriptors are described when that is asked for", "[syscalls]") {
    FakeMemory memory;
    memory.put_text(0x1000, "x");
    TextOptions options;
    options.describe_fd = [](int64_t fd) { return fd == -100 ? "/home" : "/file/" + std::to_string(fd); };
    const uint64_t at_fdcwd = static_cast<uint32_t>(-100);
    CHECK(line_of(memory, x86_64, "openat", {at_fdcwd, 0x1000, 0}, 3, options) ==
          "openat(AT_FDCWD</home>, \"x\", O_RDONLY) = 3</file/3>");
    CHECK(line_of(memory, x86_64, "close", {3}, 0, options) == "close(3</file/3>) = 0");
}

TEST_CASE("absurd arguments and memory of any content end in a text of bounded length", "[syscalls]") {
    // Memory is readable everywhere, with random content, so pointers in it lead to more of it.
    struct Noise final : UserMemory {
        bool read(uint64_t address, std::span<std::byte> out) const override {
            if (address % 7 == 3)
                return false;
            std::mt19937_64 random(address);
            for (std::byte& byte : out)
                byte = static_cast<std::byte>(random());
            return true;
        }
    } noise;
    const TextOptions options;
    std::mt19937_64 random(1);
    for (const Abi abi : {x86_64, i386})
        for (const CallDescription& description : calls(abi))
            for (int round = 0; round < 20; ++round) {
                Call call;
                call.abi = abi;
                call.number = description.number;
                call.description = &description;
                for (uint64_t& argument : call.arguments)
                    argument = random() >> random() % 64;
                CallText text(call, noise, options);
                text.finish({Ending::returned, static_cast<int64_t>(random() >> random() % 64), 0});
                INFO(description.name);
                REQUIRE(text.whole().size() < 1 << 20);
            }
}
