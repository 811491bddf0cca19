// Calls whose arguments depend on a command, structures of newer calls, and i386's multiplexed calls. The expected
// lines are strace 6.1's own.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/request_follower.h"
#include "syscalls_fakes.h"

namespace {

using namespace panda::syscalls;
constexpr Abi x86_64 = Abi::x86_64;
constexpr Abi i386 = Abi::i386;
constexpr uint64_t minus_one = static_cast<uint32_t>(-1);

// The same of a multiplexed call of i386.
std::string multiplexed(const FakeMemory& memory, const std::string& name,
                        const std::vector<uint64_t>& arguments, int64_t value) {
    Call call;
    call.abi = i386;
    call.description = find_call(i386, name);
    std::copy(arguments.begin(), arguments.end(), call.arguments.begin());
    unpack_multiplexed(call, memory);
    const TextOptions options;
    CallText text(call, memory, options);
    text.finish({Ending::returned, value, 0});
    return text.whole() + " = " + text.result();
}

}  // namespace

TEST_CASE("prctl takes what its option says", "[syscalls]") {
    FakeMemory memory;
    memory.put_text(0x1000, "a name that is long");
    memory.put_values<uint64_t>(0x2000, {10, 0x7f0000000000});
    memory.put_values<int32_t>(0x3000, {15});
    CHECK(line_of(memory, x86_64, "prctl", {15, 0x1000}, 0) ==
          "prctl(PR_SET_NAME, \"a name that is \"...) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {22, 2, 0x2000}, 0) ==
          "prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {len=10, filter=0x7f0000000000}) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {22, 1}, 0) == "prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {59, 1, 0, 0, 0x4000}, 0) ==
          "prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, 0x4000) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {38, 1, 0, 0, 0}, 0) ==
          "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {39, 0, 0, 0, 0}, 1) ==
          "prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) = 1");
    CHECK(line_of(memory, x86_64, "prctl", {3}, 1) == "prctl(PR_GET_DUMPABLE) = 1 (SUID_DUMP_USER)");
    CHECK(line_of(memory, x86_64, "prctl", {2, 0x3000}, 0) == "prctl(PR_GET_PDEATHSIG, [SIGTERM]) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {47, 2, 12, 0, 0}, 0) ==
          "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {47, 4, 0, 0, 0}, 0) ==
          "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) = 0");
    CHECK(line_of(memory, x86_64, "prctl", {35, 8, 0x7ffe0000, 0, 0}, -1) ==
          "prctl(PR_SET_MM, PR_SET_MM_ARG_START, 0x7ffe0000, 0, 0) = -1 EPERM (Operation not permitted)");
}

TEST_CASE("seccomp, keys, privileges, Landlock", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint64_t>(0x1000, {10, 0x7f0000000000});
    CHECK(line_of(memory, x86_64, "seccomp", {1, 0, 0x1000}, 0) ==
          "seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=10, filter=0x7f0000000000}) = 0");
    const uint64_t session = static_cast<uint32_t>(-3);
    CHECK(line_of(memory, x86_64, "keyctl", {0, session, 0, 0, 0}, 77) ==
          "keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) = 77");
    CHECK(line_of(memory, x86_64, "keyctl", {9, 77, session}, 0) ==
          "keyctl(KEYCTL_UNLINK, 77, KEY_SPEC_SESSION_KEYRING) = 0");
    memory.put_text(0x2000, "user");
    memory.put_text(0x2010, "k");
    CHECK(line_of(memory, x86_64, "add_key", {0x2000, 0x2010, 0x2010, 1, session}, 78) ==
          "add_key(\"user\", \"k\", \"k\", 1, KEY_SPEC_SESSION_KEYRING) = 78");
    memory.put_values<uint32_t>(0x3000, {0x20080522, 0});
    memory.put_values<uint32_t>(0x3010, {1u << 12, 1u << 21, 0, 1, 0, 0});
    CHECK(line_of(memory, x86_64, "capget", {0x3000, 0x3010}, 0) ==
          "capget({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, "
          "{effective=1<<CAP_NET_ADMIN|1<<CAP_MAC_OVERRIDE, "
          "permitted=1<<CAP_SYS_ADMIN, inheritable=0}) = 0");
    memory.put_values<uint64_t>(0x4000, {5});
    CHECK(line_of(memory, x86_64, "landlock_create_ruleset", {0x4000, 8, 0}, 3) ==
          "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE|LANDLOCK_ACCESS_FS_READ_"
          "FILE}, 8, "
          "0) = 3");
    memory.put_values<uint64_t>(0x4010, {1, 4});
    CHECK(line_of(memory, x86_64, "landlock_add_rule", {3, 1, 0x4010, 0}, 0) ==
          "landlock_add_rule(3, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_EXECUTE, "
          "parent_fd=4}, 0) = 0");
}

TEST_CASE("the mount API", "[syscalls]") {
    FakeMemory memory;
    memory.put_text(0x1000, "tmpfs");
    memory.put_text(0x1010, "size");
    memory.put_text(0x1020, "1M");
    memory.put_text(0x1030, "");
    memory.put_text(0x1040, "/mnt");
    const uint64_t here = static_cast<uint32_t>(-100);
    CHECK(line_of(memory, x86_64, "fsopen", {0x1000, 1}, 3) == "fsopen(\"tmpfs\", FSOPEN_CLOEXEC) = 3");
    CHECK(line_of(memory, x86_64, "fsconfig", {3, 1, 0x1010, 0x1020, 0}, 0) ==
          "fsconfig(3, FSCONFIG_SET_STRING, \"size\", \"1M\", 0) = 0");
    CHECK(line_of(memory, x86_64, "fsconfig", {3, 6, 0, 0, 0}, 0) ==
          "fsconfig(3, FSCONFIG_CMD_CREATE, NULL, NULL, 0) = 0");
    CHECK(line_of(memory, x86_64, "fsmount", {3, 1, 0}, 4) == "fsmount(3, FSMOUNT_CLOEXEC, 0) = 4");
    CHECK(line_of(memory, x86_64, "move_mount", {4, 0x1030, here, 0x1040, 4}, 0) ==
          "move_mount(4, \"\", AT_FDCWD, \"/mnt\", MOVE_MOUNT_F_EMPTY_PATH) = 0");
    memory.put_values<uint64_t>(0x2000, {1, 0, 1 << 18, 0});
    CHECK(line_of(memory, x86_64, "mount_setattr", {here, 0x1040, 0x8000, 0x2000, 32}, 0) ==
          "mount_setattr(AT_FDCWD, \"/mnt\", AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY, attr_clr=0, "
          "propagation=MS_PRIVATE, userns_fd=0}, 32) = 0");
    memory.put_values<uint32_t>(0x3000, {128, 1, 0x04030201, 5});
    FakeMemory written = memory;
    CHECK(line_of(memory, x86_64, "open_by_handle_at", {3, 0x3000, 0}, 5) ==
          "open_by_handle_at(3, {handle_bytes=128, handle_type=1, f_handle=\"\\x01\\x02\\x03\\x04\\x05" +
              [] {
                  std::string rest;
                  for (int i = 0; i < 123; ++i)
                      rest += "\\x00";
                  return rest;
              }() +
              "\"}, O_RDONLY) = 5");
}

TEST_CASE("personality, clone3, bpf, perf", "[syscalls]") {
    FakeMemory memory;
    CHECK(line_of(memory, x86_64, "personality", {0x40000}, 0) ==
          "personality(PER_LINUX|ADDR_NO_RANDOMIZE) = 0 (PER_LINUX)");
    memory.put_values<int32_t>(0x1000, {4242});
    memory.put_values<uint64_t>(0x2000, {0, 0, 0, 0, 17, 0, 0, 0, 0x1000, 1, 0});
    CHECK(line_of(memory, x86_64, "clone3", {0x2000, 88}, 4242) ==
          "clone3({flags=0, exit_signal=SIGCHLD, stack=NULL, stack_size=0, set_tid=[4242], set_tid_size=1}, "
          "88) = "
          "4242");
    memory.put_values<uint32_t>(0x3000, {2, 4, 8, 1, 0});
    CHECK(line_of(memory, x86_64, "bpf", {0, 0x3000, 16}, 4) ==
          "bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_ARRAY, key_size=4, value_size=8, max_entries=1}, 16) = "
          "4");
    memory.put_values<uint64_t>(0x4000, {minus_one, 0x1000, 0x2000, 0});
    CHECK(line_of(memory, x86_64, "bpf", {3, 0x4000, 32}, -22) ==
          "bpf(BPF_MAP_DELETE_ELEM, {map_fd=-1, key=0x1000, ...}, 32) = -1 EINVAL (Invalid argument)");
    memory.put_values<uint32_t>(0x5000, {1, 112});
    memory.put_values<uint64_t>(0x5008, {9, 99, 1, 0, 1 | 1 << 10});
    CHECK(line_of(memory, x86_64, "perf_event_open", {0x5000, 0, minus_one, minus_one, 8}, 3) ==
          "perf_event_open({type=PERF_TYPE_SOFTWARE, size=PERF_ATTR_SIZE_VER5, config=PERF_COUNT_SW_DUMMY, "
          "sample_freq=99, sample_type=PERF_SAMPLE_IP, read_format=0, disabled=1, freq=1, "
          "precise_ip=0 /* arbitrary skid */, ...}, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) = 3");
}

TEST_CASE("64-bit arguments in pairs of registers", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint32_t>(0x1000, {0x2000, 1});
    memory.put_text(0x2000, "x");
    memory.put_text(0x3000, "/tmp");
    CHECK(line_of(memory, i386, "pwritev", {3, 0x1000, 1, 0x23456789, 1}, 1) ==
          "pwritev(3, [{iov_base=\"x\", iov_len=1}], 1, 4886718345) = 1");
    CHECK(line_of(memory, i386, "fanotify_mark", {4, 1, 0x40000020, 0, static_cast<uint32_t>(-100), 0x3000},
                  0) == "fanotify_mark(4, FAN_MARK_ADD, FAN_OPEN|FAN_ONDIR, AT_FDCWD, \"/tmp\") = 0");
    memory.put_values<uint64_t>(0x4000, {0x2000, 1});
    CHECK(line_of(memory, x86_64, "preadv2", {3, 0x4000, 1, 7, 0, 8}, 1) ==
          "preadv2(3, [{iov_base=\"x\", iov_len=1}], 1, 7, RWF_NOWAIT) = 1");
}

TEST_CASE("i386's multiplexed calls", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint32_t>(0x1000, {5, 0x2000, 0, 0, 0x3000});
    memory.put_values<uint32_t>(0x2000, {1 << 4});
    memory.put_values<uint32_t>(0x3000, {1, 0});
    CHECK(multiplexed(memory, "select", {0x1000}, 1) ==
          "select(5, [4], NULL, NULL, {tv_sec=1, tv_usec=0}) = 1 (in [4], left {tv_sec=1, tv_usec=0})");
    CHECK(multiplexed(memory, "ipc", {2, 0, 1, 0600}, 7) == "semget(IPC_PRIVATE, 1, 0600) = 7");
    memory.put_values<uint16_t>(0x4000, {0, 1, 0});
    CHECK(multiplexed(memory, "ipc", {1, 7, 1, 0, 0x4000}, 0) ==
          "semop(7, [{sem_num=0, sem_op=1, sem_flg=0}], 1) = 0");
    CHECK(multiplexed(memory, "ipc", {3, 7, 0, 0, 0}, 0) == "semctl(7, 0, IPC_RMID, NULL) = 0");
    memory.put_values<uint32_t>(0x5000, {0xf7d00000});
    CHECK(multiplexed(memory, "ipc", {21, 9, 0, 0x5000, 0}, 0) == "shmat(9, NULL, 0) = 0xf7d00000");
    CHECK(multiplexed(memory, "ipc", {99, 1, 2, 3, 4, 5}, -38).starts_with("ipc(99, "));
}

TEST_CASE("calls of x32 have the names of their own numbers", "[syscalls]") {
    CHECK(std::string(find_call(x86_64, x32_bit + 39)->name) == "getpid");
    CHECK(std::string(find_call(x86_64, x32_bit + 512)->name) == "rt_sigaction");
    CHECK(find_call(x86_64, x32_bit + 600) == nullptr);
    Call unknown;
    unknown.number = 0x186a0;
    unknown.arguments = {0, 7};
    const FakeMemory memory;
    const TextOptions options;
    CHECK(CallText(unknown, memory, options).whole() == "syscall_0x186a0(0, 0x7, 0, 0, 0, 0)");
}

TEST_CASE("netlink messages", "[syscalls]") {
    FakeMemory memory;
    TextOptions options;
    const auto socket = [](uint32_t protocol) {
        return [protocol](int64_t fd) {
            return fd == 5 ? std::optional(SocketKind{16, protocol}) : std::nullopt;
        };
    };
    constexpr uint32_t other = 2;  // NETLINK_USERSOCK
    options.socket = socket(other);
    options.interface_name = [](uint32_t number) {
        return number == 1 ? std::optional<std::string>("lo") : std::nullopt;
    };
    memory.put_values<uint32_t>(0x1000, {20, 18 | 0x301 << 16, 1, 0, 17});
    CHECK(line_of(memory, x86_64, "sendto", {5, 0x1000, 20, 0, 0, 0}, 20, options) ==
          "sendto(5, [{nlmsg_len=20, nlmsg_type=0x12 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST|0x300, "
          "nlmsg_seq=1, nlmsg_pid=0}, \"\\x11\\x00\\x00\\x00\"], 20, 0, NULL, 0) = 20");
    CHECK(line_of(memory, x86_64, "sendto", {6, 0x1000, 4, 0, 0, 0}, 4, options) ==
          "sendto(6, \"\\24\\0\\0\\0\", 4, 0, NULL, 0) = 4");
    memory.put_values<uint32_t>(0x2000, {20, 3 | 2 << 16, 1, 77, 0, 36, 2, 2, 77, static_cast<uint32_t>(-2),
                                         20, 18 | 1 << 16, 2, 77});
    CHECK(line_of(memory, x86_64, "recvfrom", {5, 0x2000, 56, 0, 0, 0}, 56, options) ==
          "recvfrom(5, [[{nlmsg_len=20, nlmsg_type=NLMSG_DONE, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=1, "
          "nlmsg_pid=77}, 0], [{nlmsg_len=36, nlmsg_type=NLMSG_ERROR, nlmsg_flags=0, nlmsg_seq=2, "
          "nlmsg_pid=77}, "
          "{error=-ENOENT, msg={nlmsg_len=20, nlmsg_type=0x12 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST, "
          "nlmsg_seq=2, nlmsg_pid=77}}]], 56, 0, NULL, NULL) = 56");

    // The same by the socket's protocol: a link, with a name, an address and something unknown.
    options.socket = socket(0);
    memory.put_values<uint32_t>(0x3000, {60, 18 | 0x301 << 16, 1, 0});
    memory.put_values<uint32_t>(0x3010, {1 << 16, 1, 0x49, 0});
    memory.put_values<uint32_t>(0x3020, {7 | 3 << 16, 'l' | 'o' << 8, 10 | 1 << 16, 0x0300fc02, 0x0504});
    memory.put_values<uint32_t>(0x3034, {8 | 0x3fff << 16, 1});
    CHECK(
        line_of(memory, x86_64, "sendto", {5, 0x3000, 60, 0, 0, 0}, 60, options) ==
        "sendto(5, [{nlmsg_len=60, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, "
        "nlmsg_seq=1, "
        "nlmsg_pid=0}, {ifi_family=AF_UNSPEC, ifi_type=ARPHRD_ETHER, ifi_index=if_nametoindex(\"lo\"), "
        "ifi_flags=IFF_UP|IFF_LOOPBACK|IFF_RUNNING, ifi_change=0}, [[{nla_len=7, nla_type=IFLA_IFNAME}, "
        "\"lo\"], [{nla_len=10, nla_type=IFLA_ADDRESS}, 02:fc:00:03:04:05], [{nla_len=8, nla_type=0x3fff /* "
        "IFLA_??? */}, \"\\x01\\x00\\x00\\x00\"]]], 60, 0, NULL, 0) = 60");
    memory.put_values<uint32_t>(0x3000, {17, 22 | 0x301 << 16, 1, 0, 2});
    CHECK_THAT(line_of(memory, x86_64, "sendto", {5, 0x3000, 17, 0, 0, 0}, 17, options),
               Catch::Matchers::ContainsSubstring("nlmsg_type=RTM_GETADDR, ") &&
                   Catch::Matchers::ContainsSubstring("{ifa_family=AF_INET, ...}]"));
    memory.put_values<uint32_t>(0x3000, {44, 20 | 2 << 16, 1, 0, 2 | 8 << 8 | 0x80 << 16 | 254U << 24, 1,
                                         8 | 1 << 16, 0x0100007f, 8 | 2 << 16, 0});
    CHECK_THAT(
        line_of(memory, x86_64, "sendto", {5, 0x3000, 44, 0, 0, 0}, 44, options),
        Catch::Matchers::ContainsSubstring("[{nla_len=8, nla_type=IFA_ADDRESS}, inet_addr(\"127.0.0.1\")]"));
    options.socket = socket(4);
    memory.put_values<uint32_t>(0x3000, {40, 20 | 0x301 << 16, 1, 0, 1, 2, 0, 5, 0, 0});
    CHECK_THAT(line_of(memory, x86_64, "sendto", {5, 0x3000, 40, 0, 0, 0}, 40, options),
               Catch::Matchers::ContainsSubstring(
                   "nlmsg_type=SOCK_DIAG_BY_FAMILY, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1, "
                   "nlmsg_pid=0}, "
                   "{sdiag_family=AF_UNIX, sdiag_protocol=0, udiag_states=1<<TCP_ESTABLISHED, udiag_ino=0, "
                   "udiag_show=UDIAG_SHOW_NAME|UDIAG_SHOW_PEER, udiag_cookie=[0, 0]}]"));
}

TEST_CASE("requests of AIO", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint64_t>(0x1000, {0x2000});
    memory.put_text(0x3000, "hello");
    memory.put_values<uint64_t>(0x2000, {0, 0});
    memory.put_values<uint16_t>(0x2010, {1, 0, 3, 0});
    memory.put_values<uint64_t>(0x2018, {0x3000, 5, 64, 0, 0});
    CHECK(
        line_of(memory, x86_64, "io_submit", {0x7f00, 1, 0x1000}, 1) ==
        "io_submit(0x7f00, 1, [{aio_data=0, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=3, aio_buf=\"hello\", "
        "aio_nbytes=5, aio_offset=64}]) = 1");
    memory.put_values<uint64_t>(0x4000, {0, 0x2000, 5, 0});
    CHECK(line_of(memory, x86_64, "io_getevents", {0x7f00, 1, 1, 0x4000, 0}, 1) ==
          "io_getevents(0x7f00, 1, 1, [{data=0, obj=0x2000, res=5, res2=0}], NULL) = 1");
}

namespace {

// A program that makes calls, and the transfers that follow from them.
struct Requests {
    Requests() {
        follower.attach(
            tracker, guest, [](int64_t fd) { return "/file" + std::to_string(fd); },
            [this](const Request& request) {
                log.push_back(request.from + ">" + request.to + " " + std::to_string(request.bytes));
            });
    }
    void call(const std::string& name, std::array<uint64_t, 6> arguments, int64_t value) {
        begin(name, arguments);
        back(value);
    }
    void begin(const std::string& name, std::array<uint64_t, 6> arguments) {
        guest.task = Task{0xffff880000001000, 10, 10, "program"};
        tracker.event({++instr, panda::trace::SystemCall{panda::trace::CallGate::syscall,
                                                         find_call(x86_64, name)->number, arguments,
                                                         0x7ffe0000, 0x401000}});
    }
    void back(int64_t value) {
        tracker.event(
            {++instr, panda::trace::SystemReturn{panda::trace::ReturnGate::sysret,
                                                 static_cast<uint64_t>(value), 0x7ffe0000, 0x401002}});
    }

    FakeGuest guest;
    CallTracker tracker{guest};
    RequestFollower follower;
    std::vector<std::string> log;
    uint64_t instr = 0;
};

}  // namespace

TEST_CASE("bytes that AIO moves, by its ring or by what io_getevents returns", "[syscalls]") {
    Requests program;
    FakeMemory& memory = program.guest.memory;
    memory.put_values<uint64_t>(0x1000, {0x2000, 0x2040});
    memory.put_values<uint16_t>(0x2010, {1, 0, 3, 0});  // writes to descriptor 3
    memory.put_values<uint16_t>(0x2050, {0, 0, 4, 0});  // reads from 4
    program.call("io_submit", {0x100000, 2, 0x1000}, 2);
    CHECK(program.log.empty());
    memory.put_values<uint64_t>(0x4000, {0, 0x2000, 4096, 0, 0, 0x2040, static_cast<uint64_t>(-5), 0});
    program.call("io_getevents", {0x100000, 1, 2, 0x4000, 0}, 2);
    CHECK(program.log == std::vector<std::string>{">/file3 4096"});
    // Now the program has touched the ring: 8 places, the tail at 0, a header of 32 bytes.
    memory.put_values<uint32_t>(0x100000, {0, 8, 0, 0, 0xa10a10a1, 1, 0, 32});
    program.begin("io_submit", {0x100000, 2, 0x1000});
    memory.put_values<uint64_t>(0x100020, {0, 0x2040, 100, 0});
    memory.put_values<uint32_t>(0x10000c, {1});
    program.back(2);
    CHECK(program.log == std::vector<std::string>{">/file3 4096", "/file4> 100"});
    // It is not counted again.
    program.call("io_getevents", {0x100000, 1, 1, 0x4020, 0}, 1);
    CHECK(program.log.size() == 2);
}

TEST_CASE("bytes that io_uring moves", "[syscalls]") {
    Requests program;
    FakeMemory& memory = program.guest.memory;
    // struct io_uring_params: one map for both rings; where heads, tails, masks, indices and results are.
    memory.put_values<uint32_t>(0x1000, {4, 8, 0, 0, 0, 1, 0, 0, 0, 0});
    memory.put_values<uint32_t>(0x1000 + 40, {0, 4, 16, 24, 36, 32, 192, 0, 0, 0});
    memory.put_values<uint32_t>(0x1000 + 80, {8, 12, 20, 28, 44, 64, 40, 0, 0, 0});
    program.call("io_uring_setup", {4, 0x1000}, 5);
    memory.put_values<uint32_t>(0x10000, {0, 0, 0, 0, 3, 7});
    memory.put_values<uint64_t>(0x20000, {0});
    program.call("mmap", {0, 4096, 3, 1, 5, 0}, 0x10000);
    program.call("mmap", {0, 4096, 3, 1, 5, 0x10000000}, 0x20000);
    // IORING_OP_WRITE to descriptor 6, and IORING_OP_READ of a registered file.
    memory.put_values<int32_t>(0x3000, {8, 9});
    program.call("io_uring_register", {5, 2, 0x3000, 2}, 0);
    memory.put_values<uint8_t>(0x20000, {23, 0});
    memory.put_values<int32_t>(0x20004, {6});
    memory.put_values<uint64_t>(0x20020, {77});
    memory.put_values<uint8_t>(0x20040, {22, 1});
    memory.put_values<int32_t>(0x20044, {1});
    memory.put_values<uint64_t>(0x20060, {78});
    memory.put_values<uint32_t>(0x10000 + 192, {0, 1});
    memory.put_values<uint32_t>(0x10004, {2});
    program.begin("io_uring_enter", {5, 2, 1, 1, 0, 0});
    memory.put_values<uint32_t>(0x10000, {2});
    memory.put_values<uint64_t>(0x10000 + 64, {77, 4096});
    memory.put_values<uint32_t>(0x1000c, {1});
    program.back(2);
    CHECK(program.log == std::vector<std::string>{">/file6 4096"});
    memory.put_values<uint64_t>(0x10000 + 80, {78, 10});
    memory.put_values<uint32_t>(0x1000c, {2});
    program.call("getpid", {}, 10);
    CHECK(program.log == std::vector<std::string>{">/file6 4096", "/file9> 10"});
}

TEST_CASE("values that few programs use are written as strace writes them", "[syscalls]") {
    FakeMemory memory;
    CHECK(line_of(memory, x86_64, "mmap", {0, 4096, 3, 0x22 | 0x40000 | 21u << 26, minus_one, 0}, 0x1000) ==
          "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, "
          "-1, 0) = 0x1000");
    CHECK(line_of(memory, x86_64, "fallocate", {3, 0, 0, 10}, 0) == "fallocate(3, 0, 0, 10) = 0");
    CHECK(line_of(memory, x86_64, "accept", {3, 0, 0x1000}, 4) == "accept(3, NULL, 0x1000) = 4");
    CHECK(line_of(memory, x86_64, "ptrace", {0, 0, 0, 0}, 0) == "ptrace(PTRACE_TRACEME) = 0");
    CHECK(line_of(memory, x86_64, "ptrace", {0x4206, 7, 0, 0x100001}, 0) ==
          "ptrace(PTRACE_SEIZE, 7, NULL, PTRACE_O_TRACESYSGOOD|PTRACE_O_EXITKILL) = 0");
    CHECK(line_of(memory, x86_64, "lchown", {0x1000, minus_one, 65535}, -2) ==
          "lchown(0x1000, -1, 65535) = -1 ENOENT (No such file or directory)");
    CHECK(line_of(memory, i386, "lchown", {0x1000, minus_one, 65535}, -2) ==
          "lchown(0x1000, -1, -1) = -1 ENOENT (No such file or directory)");
    // The tls is the last argument, and is written before the one in front of it.
    CHECK(line_of(memory, x86_64, "clone", {0x1080100, 0x7000, 0, 0x6000, 0x5000}, 9) ==
          "clone(child_stack=0x7000, flags=CLONE_VM|CLONE_SETTLS|CLONE_CHILD_SETTID, tls=0x5000, "
          "child_tidptr=0x6000) = 9");
}

TEST_CASE("structures in memory of which little is used", "[syscalls]") {
    FakeMemory memory;
    memory.put_values<uint64_t>(0x1000, {86400, 5, 0, 0x3fffffff});
    CHECK(line_of(memory, x86_64, "utimensat", {3, 0, 0x1000, 0}, 0) ==
          "utimensat(3, NULL, [{tv_sec=86400, tv_nsec=5} /* 1970-01-02T00:00:00.000000005+0000 */, "
          "UTIME_NOW], 0) = 0");
    memory.put_values<uint64_t>(0x2000, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(line_of(memory, x86_64, "waitid", {0, 0, 0x2000, 5, 0}, 0) ==
          "waitid(P_ALL, 0, {}, WNOHANG|WEXITED, NULL) = 0");
    memory.put_values<uint64_t>(0x3000, {150, 0, 7, 0});
    CHECK(line_of(memory, x86_64, "times", {0x3000}, 9) ==
          "times({tms_utime=150 /* 1.50 s */, tms_stime=0, tms_cutime=7 /* 0.07 s */, tms_cstime=0}) = 9");
    memory.put_values<uint64_t>(0x4000, {0x101});
    CHECK(line_of(memory, x86_64, "mincore", {0, 8192, 0x4000}, 0) == "mincore(NULL, 8192, [1, 1]) = 0");
    CHECK(line_of(memory, x86_64, "set_mempolicy", {0x8002, 0x4000, 65}, 0) ==
          "set_mempolicy(MPOL_BIND|MPOL_F_STATIC_NODES, [0x00000000000101], 65) = 0");
}
