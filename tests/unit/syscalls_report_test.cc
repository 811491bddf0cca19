// What is written about calls: lines, selections, and the files and sockets that follow from them.
#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "analyzers/files/file_usage.h"
#include "analyzers/net/connections.h"
#include "analyzers/syscalls/guest_clock.h"
#include "analyzers/syscalls/json_writer.h"
#include "analyzers/syscalls/line_writer.h"
#include "analyzers/syscalls/report.h"
#include "analyzers/syscalls/transfer.h"
#include "common/error.h"
#include "syscalls_fakes.h"
#include "tests/unit/json_lines.h"

namespace {

using namespace panda::syscalls;
using panda::trace::CallGate;
using panda::trace::SystemCall;
using panda::trace::SystemReturn;

const Task shell{0xffff880000001000, 10, 10, "sh"};
const Task child{0xffff880000002000, 11, 11, "sh"};
constexpr uint64_t pc = 0x401000;

// A guest whose tasks make calls.
struct Machine {
    void call(const Task& task, const std::string& name, std::array<uint64_t, 6> arguments) {
        guest.task = task;
        const CallDescription* description = find_call(Abi::x86_64, name);
        tracker.event(
            {++instr, SystemCall{CallGate::syscall, description->number, arguments, 0x7ffe0000, pc}});
    }
    void back(const Task& task, int64_t value) {
        guest.task = task;
        tracker.event({++instr, SystemReturn{panda::trace::ReturnGate::sysret, static_cast<uint64_t>(value),
                                             0x7ffe0000, pc + 2}});
    }
    void whole(const Task& task, const std::string& name, std::array<uint64_t, 6> arguments, int64_t value) {
        call(task, name, arguments);
        back(task, value);
    }

    FakeGuest guest;
    CallTracker tracker{guest};
    uint64_t instr = 100;
};

// The lines of a run, with what `options` select.
struct Lines : Machine {
    explicit Lines(ReportOptions options = {}, const LineOptions& shown = {})
        : writer(out, shown), report(std::move(options), {&writer}) {
        report.attach(tracker, guest);
    }
    std::string text() {
        tracker.finish(instr);
        report.finish();
        return out.str();
    }
    std::ostringstream out;
    LineWriter writer;
    CallReport report;
};

}  // namespace

TEST_CASE("lines of calls, whole and in parts", "[syscalls]") {
    Lines lines;
    lines.guest.memory.put_text(0x1000, "hello");
    lines.call(shell, "read", {0, 0x1000, 100});
    lines.call(child, "write", {1, 0x1000, 5});
    lines.back(child, 5);
    lines.back(shell, 5);
    lines.call(child, "exit_group", {3});
    lines.call(shell, "wait4", {UINT64_MAX, 0, 0, 0});
    CHECK(lines.text() ==
          "10    read(0,  <unfinished ...>\n"
          "11    write(1, \"hello\", 5)              = 5\n"
          "10    <... read resumed>\"hello\", 100)   = 5\n"
          "11    exit_group(3)                     = ?\n"
          "11    +++ exited with 3 +++\n"
          "10    wait4(-1,  <unfinished ...>\n");
}

TEST_CASE("what a call takes is read when its page is there", "[syscalls]") {
    Lines lines;
    lines.call(shell, "execve", {0x5000, 0x6000, 0x7000});
    lines.guest.memory.put_text(0x5000, "/bin/ls");
    lines.guest.memory.put_values<uint64_t>(0x6000, {0x5005, 0});
    lines.guest.memory.put_values<uint64_t>(0x7000, {0});
    lines.tracker.event({200, panda::trace::AddressSpaceChange{0x1000}});
    lines.guest.memory = {};
    lines.back(shell, 0);
    CHECK(lines.text() == "10    execve(\"/bin/ls\", [\"ls\"], 0x7000 /* 0 vars */) = 0\n");
}

TEST_CASE("calls and processes are selected", "[syscalls]") {
    ReportOptions options;
    options.calls = CallSelection("trace=file,close");
    options.processes = {"11"};
    Lines lines(std::move(options), {.instr = true});
    lines.guest.memory.put_text(0x1000, "/x");
    lines.whole(shell, "access", {0x1000, 0}, 0);
    lines.whole(child, "access", {0x1000, 0}, 0);
    lines.whole(child, "getpid", {}, 11);
    lines.whole(child, "close", {3}, 0);
    CHECK(lines.text() ==
          "11             103 access(\"/x\", F_OK)   = 0\n"
          "11             107 close(3)             = 0\n");
}

TEST_CASE("children are followed, also those that run before their parent's call returns", "[syscalls]") {
    ReportOptions options;
    options.processes = {"10"};
    options.follow = true;
    Lines lines(std::move(options));
    lines.call(shell, "vfork", {});
    lines.back(child, 0);
    lines.whole(child, "getpid", {}, 11);
    lines.back(shell, 11);
    CHECK(lines.text() ==
          "10    vfork( <unfinished ...>\n"
          "11    getpid()                          = 11\n"
          "10    <... vfork resumed>)              = 11\n");
}

TEST_CASE("selections that make no sense are refused", "[syscalls]") {
    CHECK_THROWS_AS(CallSelection("trace=no_such_call"), panda::UsageError);
    CHECK_THROWS_AS(CallSelection("signal=none"), panda::UsageError);
    CHECK_THROWS_AS(CallSelection("/["), panda::UsageError);
    CHECK_NOTHROW(CallSelection("?no_such_call"));
    Call call;
    call.description = find_call(Abi::x86_64, std::string("openat"));
    CHECK(CallSelection("/^open").selects(call));
    CHECK(CallSelection("%file").selects(call));
    CHECK_FALSE(CallSelection("!file").selects(call));
    CHECK_FALSE(CallSelection("none").selects(call));
    CHECK(CallSelection("all").selects(call));
    call.description = find_call(Abi::x86_64, std::string("exit"));
    CHECK(CallSelection("process").selects(call));
    call.description = find_call(Abi::x86_64, std::string("rt_sigreturn"));
    CHECK(CallSelection("signal").selects(call));
}

TEST_CASE("files: opens, reads and writes by process and file", "[files]") {
    Machine machine;
    panda::analyze_files::FileUsage files({});
    std::map<int64_t, std::string> open{{-100, "/home"}, {1, "pipe:[7]"}};
    files.attach(machine.tracker, machine.guest, [&open](int64_t fd) { return open[fd]; });
    machine.guest.memory.put_text(0x1000, "data");
    machine.guest.memory.put_text(0x1010, "/none");
    const uint64_t at_fdcwd = static_cast<uint32_t>(-100);
    machine.call(shell, "openat", {at_fdcwd, 0x1000, 0});
    open[3] = "/home/data";
    machine.back(shell, 3);
    machine.whole(shell, "read", {3, 0x2000, 4096}, 1000);
    machine.whole(shell, "read", {3, 0x2000, 4096}, 24);
    machine.whole(shell, "write", {1, 0x2000, 4}, 4);
    machine.whole(child, "pwrite64", {3, 0x2000, 4, 0}, 4);
    machine.whole(shell, "openat", {at_fdcwd, 0x1010, 0}, -2);
    machine.whole(shell, "openat", {at_fdcwd, 0x1000, 0}, -13);
    const auto& usage = files.usage();
    REQUIRE(usage.size() == 3);
    const auto& read = usage.at({10, "sh", "/home/data"});
    CHECK(read.opens == 1);
    CHECK(read.failed_opens == 1);
    CHECK(read.reads == 2);
    CHECK(read.read_bytes == 1024);
    CHECK(read.writes == 0);
    CHECK(usage.at({11, "sh", "/home/data"}).written_bytes == 4);
    CHECK(usage.at({10, "sh", "/none"}).failed_opens == 1);
}

TEST_CASE("calls that move bytes: between which descriptors, and how many", "[syscalls]") {
    FakeMemory memory;
    const auto make = [](Abi abi, const std::string& name, std::array<uint64_t, 6> arguments) {
        Call call;
        call.abi = abi;
        call.description = find_call(abi, name);
        call.arguments = arguments;
        return call;
    };
    const Call sends = make(Abi::x86_64, "sendfile", {5, 0xffff'ffff'0000'0004, 0, 100});
    CHECK(transfer_of(sends)->from == 4);
    CHECK(transfer_of(sends)->to == 5);
    CHECK(moved_bytes(sends, {Ending::returned, 70, 0}, memory) == 70);
    CHECK_FALSE(moved_bytes(sends, {Ending::returned, -11, 0}, memory));
    CHECK_FALSE(moved_bytes(sends, {Ending::unfinished, 0, 0}, memory));
    CHECK_FALSE(moved_bytes(sends, {Ending::gone, 0, 0}, memory));
    CHECK(moved_bytes(sends, {Ending::gone, 7, 0, true}, memory) == 7);
    CHECK_FALSE(transfer_of(make(Abi::x86_64, "lseek", {3, 10, 0})));
    CHECK_FALSE(transfer_of(Call{}));

    CHECK_FALSE(
        moved_bytes(make(Abi::x86_64, "recvfrom", {3, 0x1000, 10, 2}), {Ending::returned, 10, 0}, memory));
    CHECK(moved_bytes(make(Abi::x86_64, "recvfrom", {3, 0x1000, 10, 0}), {Ending::returned, 10, 0}, memory) ==
          10);
    // Two messages, of 64 bytes each in one ABI and of 32 in the other, with their lengths after seven words.
    memory.put_values<uint32_t>(0x1000 + 56, {100});
    memory.put_values<uint32_t>(0x1000 + 64 + 56, {20});
    memory.put_values<uint32_t>(0x3000 + 28, {3});
    memory.put_values<uint32_t>(0x3000 + 32 + 28, {4});
    const Call many = make(Abi::x86_64, "sendmmsg", {3, 0x1000, 5, 0});
    const Call many32 = make(Abi::i386, "recvmmsg", {3, 0x3000, 5, 0});
    CHECK(moved_bytes(many, {Ending::returned, 2, 0}, memory) == 120);
    CHECK(moved_bytes(many32, {Ending::returned, 2, 0}, memory) == 7);
    CHECK(message_place(many, {Ending::returned, 2, 0}) == 0x1000 + 64);
    CHECK(message_place(many32, {Ending::returned, 2, 0}) == 0x3000 + 32);
    // A count that no kernel returns ends with the memory.
    CHECK(moved_bytes(many, {Ending::returned, INT64_MAX, 0}, memory) == 120);
}

TEST_CASE("net: a client and a server", "[net]") {
    Machine machine;
    panda::analyze_net::Connections net({});
    std::map<int64_t, std::string> open;
    net.attach(machine.tracker, machine.guest, [&open](int64_t fd) { return open[fd]; });
    machine.guest.memory.put_values<unsigned char>(0x1000,
                                                   {2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    machine.guest.memory.put_values<unsigned char>(0x1100,
                                                   {2, 0, 4, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    machine.guest.memory.put_values<uint32_t>(0x2000, {16});
    open[3] = "socket:[100]";
    machine.whole(shell, "socket", {2, 1, 0}, 3);
    machine.whole(shell, "bind", {3, 0x1000, 16}, 0);
    machine.whole(shell, "listen", {3, 5}, 0);
    open[4] = "socket:[101]";
    machine.whole(shell, "accept", {3, 0x1100, 0x2000}, 4);
    machine.whole(shell, "read", {4, 0x3000, 100}, 18);
    machine.whole(shell, "sendto", {4, 0x3000, 24, 0, 0, 0}, 24);
    open[5] = "socket:[102]";
    machine.whole(child, "socket", {2, 1, 0}, 5);
    machine.whole(child, "connect", {5, 0x1000, 16}, -111);
    open[6] = "/etc/passwd";
    machine.whole(child, "read", {6, 0x3000, 100}, 50);
    const auto& sockets = net.sockets();
    REQUIRE(sockets.size() == 3);
    CHECK(sockets.at("socket:[100]").role == "listener");
    const auto& accepted = sockets.at("socket:[101]");
    CHECK(accepted.local == "127.0.0.1:80");
    CHECK(accepted.peer == "127.0.0.1:1024");
    CHECK(accepted.received_bytes == 18);
    CHECK(accepted.sent_bytes == 24);
    CHECK(sockets.at("socket:[102]").error == 111);
    CHECK(sockets.at("socket:[102]").peer == "127.0.0.1:80");
}

TEST_CASE("net: sockets that were open before the trace", "[net]") {
    Machine machine;
    panda::analyze_net::Connections net({});
    std::map<int64_t, std::string> open;
    std::map<int64_t, panda::osi::Socket> known;
    const auto add = [&](int64_t fd, uint32_t family, uint32_t type, const char* state, const char* local,
                         const char* peer) {
        open[fd] = "socket:[" + std::to_string(100 + fd) + "]";
        panda::osi::Socket& socket = known[fd];
        socket.family = family;
        socket.type = type;
        socket.state = state;
        socket.local = local;
        socket.peer = peer;
    };
    net.describe_sockets([&](int64_t fd) -> std::optional<panda::osi::Socket> {
        return known.contains(fd) ? std::optional(known[fd]) : std::nullopt;
    });
    net.attach(machine.tracker, machine.guest, [&open](int64_t fd) { return open[fd]; });
    add(3, 2, 1, "LISTEN", "0.0.0.0:80", "0.0.0.0:*");
    add(4, 10, 1, "ESTAB", "[::1]:80", "[::1]:4000");
    add(5, 10, 2, "UNCONN", "*:53", "*:*");
    add(6, 1, 1, "ESTAB", "*", "/run/a");
    add(7, 16, 3, "UNCONN", "rtnl:4026531840", "*");
    add(8, 17, 3, "UNCONN", "*:eth0", "*");
    for (int64_t fd = 4; fd <= 8; ++fd)
        machine.whole(shell, "write", {static_cast<uint64_t>(fd), 0x3000, 10}, 10);
    // Its peer is what a later call says, and what it accepts is as it is.
    machine.guest.memory.put_values<unsigned char>(0x1100,
                                                   {2, 0, 4, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    machine.guest.memory.put_values<uint32_t>(0x2000, {16});
    open[9] = "socket:[200]";
    machine.whole(shell, "accept", {3, 0x1100, 0x2000}, 9);
    const auto& sockets = net.sockets();
    const auto line = [&](const std::string& name) {
        const auto& socket = sockets.at("socket:[" + name + "]");
        return socket.family + " " + socket.type + " " + socket.role + " " + socket.local + " -> " +
               socket.peer;
    };
    CHECK(line("103") == "inet stream listener 0.0.0.0:80 -> ");
    CHECK(line("104") == "inet6 stream  [::1]:80 -> [::1]:4000");
    CHECK(line("105") == "inet6 dgram  [::]:53 -> ");
    CHECK(line("106") == "unix stream   -> /run/a");
    CHECK(line("107") == "netlink raw  pid 4026531840 -> ");
    CHECK(line("108") == "packet raw  *:eth0 -> ");
    CHECK(line("200") == "inet stream server 0.0.0.0:80 -> 127.0.0.1:1024");
}

TEST_CASE("net: a netlink socket's number has 32 bits", "[net]") {
    Machine machine;
    panda::analyze_net::Connections net({});
    net.attach(machine.tracker, machine.guest, [](int64_t) { return "socket:[7]"; });
    machine.guest.memory.put_values<unsigned char>(0x1000, {16, 0, 0, 0, 0x01, 0, 0, 0xf0, 0, 0, 0, 0});
    machine.whole(shell, "socket", {16, 3, 0}, 3);
    machine.whole(shell, "bind", {3, 0x1000, 12}, 0);
    CHECK(net.sockets().at("socket:[7]").local == "pid 4026531841");
}

TEST_CASE("names that are not UTF-8 are mended in JSON", "[syscalls]") {
    using panda::tests::broken_name;
    using panda::tests::mended_name;
    using panda::tests::parse_lines;
    const Task broken{0xffff880000003000, 12, 12, broken_name};
    Machine machine;
    std::ostringstream calls;
    JsonWriter writer(calls);
    CallReport report({}, {&writer});
    report.attach(machine.tracker, machine.guest);
    panda::analyze_files::FileUsage files({});
    panda::analyze_net::Connections net({});
    std::map<int64_t, std::string> open{{3, "/" + broken_name}};
    const auto describe = [&open](int64_t fd) { return open[fd]; };
    files.attach(machine.tracker, machine.guest, describe);
    net.attach(machine.tracker, machine.guest, describe);
    machine.whole(broken, "read", {3, 0x2000, 4096}, 0);
    open[4] = "socket:[7]";
    machine.whole(broken, "socket", {1, 1, 0}, 4);
    machine.guest.memory.put_text(0x1000, std::string("\x01\x00", 2) + "/" + broken_name);
    machine.whole(broken, "connect", {4, 0x1000, 2 + 1 + broken_name.size()}, 0);
    machine.tracker.finish(machine.instr);
    report.finish();
    writer.signal(broken, {}, broken_name, 7);
    writer.ended(broken, 0, 8);

    const auto call_lines = parse_lines(calls.str());
    REQUIRE(call_lines.size() == 5);
    for (const auto& line : call_lines)
        CHECK(line["name"] == mended_name);
    CHECK(call_lines[3]["info"] == mended_name);
    std::ostringstream usage;
    files.write_json(usage);
    const auto file_lines = parse_lines(usage.str());
    REQUIRE(file_lines.size() == 1);
    CHECK(file_lines[0]["name"] == mended_name);
    CHECK(file_lines[0]["file"] == "/" + mended_name);
    std::ostringstream connections;
    net.write_json(connections);
    const auto socket_lines = parse_lines(connections.str());
    REQUIRE(socket_lines.size() == 1);
    CHECK(socket_lines[0]["name"] == mended_name);
    CHECK(socket_lines[0]["peer"] == "/" + mended_name);
}

TEST_CASE("process ids are decimal or hexadecimal, and what is not a number is a name", "[syscalls]") {
    const auto selects = [](const std::string& wanted, const Task& task) {
        return ProcessSelection({wanted}, false).selects(task);
    };
    CHECK(selects("010", shell));
    CHECK(selects("0xa", shell));
    CHECK_FALSE(selects("8", shell));
    CHECK_FALSE(selects("012", shell));
    const Task named{0xffff880000003000, 9, 9, "10x"};
    CHECK(selects("10x", named));
    CHECK_FALSE(selects("10x", shell));
}

TEST_CASE("times before and behind lines", "[syscalls]") {
    using Time = LineOptions::Time;
    const auto lines_with = [](const LineOptions& shown) {
        Lines lines({}, shown);
        // 2026-11-30 19:37:24.088651 UTC at instr 100, and then a microsecond for each instr.
        lines.writer.set_clock([](uint64_t instr) -> std::optional<int64_t> {
            return 1796067444088651000 + (static_cast<int64_t>(instr) - 100) * 1000;
        });
        lines.call(shell, "getpid", {});
        lines.back(shell, 10);
        lines.instr += 2000000;
        lines.call(shell, "pause", {});
        lines.call(child, "getppid", {});
        lines.back(child, 1);
        lines.back(shell, -4);
        return lines.text();
    };
    CHECK(lines_with({.time = Time::of_day}) ==
          "10    19:37:24 getpid()                 = 10\n"
          "10    19:37:26 pause( <unfinished ...>\n"
          "11    19:37:26 getppid()                = 1\n"
          "10    19:37:26 <... pause resumed>)     = -1 EINTR (Interrupted system call)\n");
    CHECK(lines_with({.time = Time::of_day_exact, .spent = true}) ==
          "10    19:37:24.088652 getpid()          = 10 <0.000001>\n"
          "10    19:37:26.088654 pause( <unfinished ...>\n"
          "11    19:37:26.088655 getppid()         = 1 <0.000001>\n"
          "10    19:37:26.088657 <... pause resumed>) = -1 EINTR (Interrupted system call) <0.000003>\n");
    CHECK(lines_with({.time = Time::since_1970, .since_last = true}) ==
          "10    1796067444.088652 (+     0.000000) getpid() = 10\n"
          "10    1796067446.088654 (+     2.000002) pause( <unfinished ...>\n"
          "11    1796067446.088655 (+     0.000001) getppid() = 1\n"
          "10    1796067446.088657 (+     0.000002) <... pause resumed>) = -1 EINTR (Interrupted system "
          "call)\n");
    CHECK(lines_with({.since_last = true}).starts_with("10         0.000000 getpid()            = 10\n"));
}

TEST_CASE("a guest that does not tell the time", "[syscalls]") {
    Lines lines({}, {.spent = true});
    CHECK_THROWS_AS(lines.call(shell, "getpid", {}), panda::Error);
}

TEST_CASE("time between the steps of the guest's clocks", "[syscalls]") {
    constexpr int64_t ms = 1000000;
    GuestClock clock;
    CHECK(clock.at(1000, 100 * ms, std::nullopt) == 100 * ms);
    // No rate is known before the second step.
    CHECK(clock.at(2000, 100 * ms, std::nullopt) == 100 * ms);
    CHECK(clock.at(5000, 104 * ms, std::nullopt) == 104 * ms);
    CHECK(clock.at(6000, 104 * ms, std::nullopt) == 105 * ms);
    // A timer interrupt is overdue.
    CHECK(clock.at(50000, 104 * ms, std::nullopt) == 108 * ms);
    CHECK(clock.at(50001, 105 * ms, std::nullopt) == 108 * ms);
    // The clock is set back.
    CHECK(clock.at(50002, -9000 * ms, std::nullopt) == -9000 * ms);
    GuestClock finer;
    CHECK(finer.at(1000, 100 * ms, 10 * ms) == 100 * ms);
    CHECK(finer.at(1001, 100 * ms, 13 * ms) == 103 * ms);
    CHECK(finer.at(1002, 104 * ms, 14 * ms) == 104 * ms);
    // The scheduler's clock has gone on since the interrupt.
    CHECK(finer.at(1003, 108 * ms, 19 * ms) == 109 * ms);
    // The idle task's own time says nothing.
    CHECK(finer.at(1003, 112 * ms, 1 * ms) == 112 * ms);
    CHECK(finer.at(1003, 116 * ms, 26 * ms) == 116 * ms);
}
