// Entries and returns of calls, by task.
#include <catch2/catch_test_macros.hpp>

#include "analyzers/syscalls/tracker.h"
#include "analyzers/syscalls/typed_calls.h"
#include "common/error.h"
#include "syscalls_fakes.h"

namespace {

using namespace panda::syscalls;
using panda::trace::CallGate;
using panda::trace::Event;
using panda::trace::ReturnGate;
using panda::trace::SystemCall;
using panda::trace::SystemReturn;

const Task parent{0xffff880000001000, 10, 10, "sh"};
const Task child{0xffff880000002000, 11, 11, "sh"};
constexpr uint64_t pc = 0x401000, stack = 0x7ffe0000;

struct Scene {
    Scene() : tracker(guest) {
        tracker.on_all_sys_enter([this](const Call& call) { log.push_back(call.name() + "("); });
        tracker.on_all_sys_return([this](const Call& call, const Return& result) {
            const std::string value = result.ending == Ending::returned ? std::to_string(result.value)
                                      : result.ending == Ending::gone   ? "gone"
                                                                        : "unfinished";
            log.push_back(call.name() + ")" + value + "@" + std::to_string(call.task.tid));
        });
        tracker.on_child([this](const Task& task, const SystemReturn&, uint64_t) {
            log.push_back("child " + std::to_string(task.tid));
        });
    }
    void call(const Task& task, const std::string& name, std::array<uint64_t, 6> arguments = {},
              CallGate gate = CallGate::syscall) {
        guest.task = task;
        const Abi abi = gate == CallGate::syscall ? Abi::x86_64 : Abi::i386;
        SystemCall entry{gate, find_call(abi, name)->number, arguments, stack, pc};
        tracker.event({++instr, entry});
    }
    void back(const Task& task, uint64_t value, uint64_t to = pc + 2, uint64_t sp = stack,
              ReturnGate gate = ReturnGate::sysret) {
        guest.task = task;
        tracker.event({++instr, SystemReturn{gate, value, sp, to}});
    }
    // A frame of x86_64 as setup_rt_frame() leaves it.
    void put_frame(uint64_t sp, uint64_t ax, uint64_t ip, uint64_t saved_sp) {
        guest.memory.put_values<uint64_t>(sp + 8 + 40 + 13 * 8, {ax, 0, saved_sp, ip});
    }

    FakeGuest guest;
    CallTracker tracker;
    std::vector<std::string> log;
    uint64_t instr = 0;
};

using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("calls of two tasks that take turns", "[syscalls]") {
    Scene scene;
    scene.call(parent, "read");
    scene.call(child, "write");
    scene.back(parent, 5);
    scene.back(child, static_cast<uint64_t>(-9));
    // After an interrupt a task returns that is not in a call.
    scene.back(parent, 77, 0x402000, stack, ReturnGate::iret);
    CHECK(scene.log == Log{"read(", "write(", "read)5@10", "write)-9@11"});
    CHECK(scene.tracker.counts().entered == 2);
    CHECK(scene.tracker.counts().returned == 2);
}

TEST_CASE("fork: the parent's return, and the child's first", "[syscalls]") {
    Scene scene;
    scene.call(parent, "clone");
    scene.back(child, 0);
    scene.back(parent, 11);
    scene.call(child, "exit_group");
    CHECK(scene.log == Log{"clone(", "child 11", "clone)11@10", "exit_group(", "exit_group)gone@11"});
    CHECK(scene.tracker.open_call(child.address) == nullptr);
}

TEST_CASE("execve returns at another place, also by a thread that takes over its process's number",
          "[syscalls]") {
    Scene scene;
    scene.call(parent, "execve");
    scene.back(parent, 0, 0x7f0000001000, 0x7fff1000);
    Task thread{0xffff880000003000, 10, 12, "sh"};
    scene.call(thread, "execve");
    thread.tid = 10;
    scene.back(thread, 0, 0x7f0000001000, 0x7fff1000);
    CHECK(scene.log == Log{"execve(", "execve)0@10", "execve(", "execve)0@12"});
}

TEST_CASE("a signal's handler: what the call returned is in the frame", "[syscalls]") {
    Scene scene;
    scene.put_frame(0x7ffd0000, static_cast<uint64_t>(-4), pc + 2, stack);
    scene.call(parent, "read");
    scene.back(parent, 0, 0x403000, 0x7ffd0000);
    // rt_sigreturn: the frame without its return address; what it restores is its result.
    scene.guest.memory.put_values<uint64_t>(stack + 40 + 13 * 8, {static_cast<uint64_t>(-4), 0, 0, pc + 2});
    scene.call(parent, "rt_sigreturn");
    scene.back(parent, static_cast<uint64_t>(-4), 0x401002);
    CHECK(scene.log == Log{"read(", "read)-512@10", "rt_sigreturn(", "rt_sigreturn)-4@10"});
}

TEST_CASE("a signal while a call had its result: the handler runs, the result stays", "[syscalls]") {
    Scene scene;
    scene.put_frame(0x7ffd0000, 17, pc + 2, stack);
    scene.call(parent, "getpid");
    scene.back(parent, 0, 0x403000, 0x7ffd0000);
    CHECK(scene.log == Log{"getpid(", "getpid)17@10"});
}

TEST_CASE("two signals at once: the frames lie on one another", "[syscalls]") {
    Scene scene;
    scene.put_frame(0x7ffc0000, 0, 0x403000, 0x7ffd0000);
    scene.put_frame(0x7ffd0000, static_cast<uint64_t>(-4), pc + 2, stack);
    scene.call(parent, "pause");
    scene.back(parent, 0, 0x404000, 0x7ffc0000);
    CHECK(scene.log == Log{"pause(", "pause)-514@10"});
}

TEST_CASE("a frame that leads back to itself ends", "[syscalls]") {
    Scene scene;
    scene.put_frame(0x7ffc0000, 3, 0x403000, 0x7ffc0000);
    scene.call(parent, "read");
    scene.back(parent, 0, 0x404000, 0x7ffc0000);
    CHECK(scene.log == Log{"read(", "read)0@10"});
}

TEST_CASE("restarted calls", "[syscalls]") {
    Scene scene;
    scene.call(parent, "wait4");
    scene.back(parent, find_call(Abi::x86_64, std::string("wait4"))->number, pc);
    scene.call(parent, "wait4");
    scene.back(parent, 12);
    scene.call(parent, "nanosleep");
    scene.back(parent, find_call(Abi::x86_64, std::string("restart_syscall"))->number, pc);
    CHECK(scene.log ==
          Log{"wait4(", "wait4)-512@10", "wait4(", "wait4)12@10", "nanosleep(", "nanosleep)-516@10"});
}

TEST_CASE("32-bit calls: sysenter takes its last argument from the stack and returns behind int 0x80",
          "[syscalls]") {
    Scene scene;
    scene.guest.memory.put_values<uint32_t>(0xffd01000, {0x66666666});
    Call entered;
    scene.tracker.on_sys_enter("mmap2", [&entered](const Call& call) { entered = call; });
    scene.call(parent, "mmap2", {1, 2, 3, 4, 5, 0xffd01000}, CallGate::sysenter);
    scene.back(parent, 0xfffffff3, pc + 4, stack, ReturnGate::sysexit);
    CHECK(entered.abi == Abi::i386);
    CHECK(entered.arguments == std::array<uint64_t, 6>{1, 2, 3, 4, 5, 0x66666666});
    scene.call(parent, "read", {}, CallGate::sysenter);
    scene.back(parent, 3, pc + 2, stack, ReturnGate::iret);
    scene.call(parent, "read", {}, CallGate::interrupt);
    scene.back(parent, 9, pc + 2, stack, ReturnGate::iret);
    CHECK(scene.log == Log{"mmap2(", "mmap2)-13@10", "read(", "read)-512@10", "read(", "read)9@10"});
}

TEST_CASE("socketcall is the call that it stands for", "[syscalls]") {
    Scene scene;
    scene.guest.memory.put_values<uint32_t>(0x1000, {2, 1, 0});
    scene.call(parent, "socketcall", {1, 0x1000}, CallGate::interrupt);
    scene.back(parent, 3, pc + 2, stack, ReturnGate::iret);
    // accept has no number of its own in that ABI.
    scene.call(parent, "socketcall", {5, 0x1000}, CallGate::interrupt);
    scene.back(parent, 4, pc + 2, stack, ReturnGate::iret);
    CHECK(scene.log == Log{"socket(", "socket)3@10", "accept(", "accept)4@10"});
}

TEST_CASE("a descriptor that is reused ends the dead task's call", "[syscalls]") {
    Scene scene;
    scene.call(child, "read");
    Task next = child;
    next.pid = next.tid = 12;
    scene.back(next, 0);
    scene.call(next, "getpid");
    scene.back(next, 12);
    CHECK(scene.log == Log{"read(", "read)gone@11", "child 12", "getpid(", "getpid)12@12"});
    CHECK(scene.tracker.counts().gone == 1);
}

TEST_CASE("a trace that ends, and one that lacks a return", "[syscalls]") {
    Scene scene;
    scene.call(parent, "read");
    scene.call(child, "wait4");
    scene.call(child, "pause");
    scene.guest.dead = {child.tid};
    scene.tracker.finish(100);
    CHECK(scene.log ==
          Log{"read(", "wait4(", "wait4)unfinished@11", "pause(", "read)unfinished@10", "pause)gone@11"});
    const PairCounts& counts = scene.tracker.counts();
    CHECK(counts.lost_returns == 1);
    CHECK(counts.entered == counts.returned + counts.gone + counts.unfinished);
}

TEST_CASE("callbacks by name", "[syscalls]") {
    Scene scene;
    unsigned entered = 0, returned = 0;
    scene.tracker.on_sys_enter("read", [&](const Call&) { ++entered; });
    scene.tracker.on_sys_return(
        "read", [&](const Call&, const Return& result) { returned += static_cast<unsigned>(result.value); });
    scene.call(parent, "read");
    scene.back(parent, 5);
    scene.call(parent, "write");
    scene.back(parent, 7);
    CHECK(entered == 1);
    CHECK(returned == 5);
    CHECK_THROWS_AS(scene.tracker.on_sys_enter("no_such_call", [](const Call&) {}), panda::UsageError);
}

TEST_CASE("a task that is killed on its way back: the kernel's stack has the result", "[syscalls]") {
    constexpr uint64_t saved_ip = 0xffffc90000003f58;
    Scene scene;
    scene.call(child, "pause");
    REQUIRE(scene.tracker.wants_stores());
    panda::trace::Access store;
    store.kind = panda::trace::AccessKind::store;
    store.size = 8;
    store.address = saved_ip;
    store.value = pc + 2;
    scene.tracker.stores({&store, 1});
    CHECK_FALSE(scene.tracker.wants_stores());
    // While it sleeps, -ENOSYS; then what pause() returned.
    scene.guest.memory.put_values<int64_t>(saved_ip - 6 * 8, {-38});
    scene.tracker.event({50, panda::trace::AddressSpaceChange{}});
    scene.guest.memory.put_values<int64_t>(saved_ip - 6 * 8, {-514});
    scene.tracker.event({60, panda::trace::AddressSpaceChange{}});
    scene.guest.memory.put_values<int64_t>(saved_ip - 6 * 8, {0});
    scene.guest.dead = {child.tid};
    Return end;
    scene.tracker.on_all_sys_return([&end](const Call&, const Return& result) { end = result; });
    scene.guest.task = parent;
    scene.tracker.finish(100);
    CHECK(end.ending == Ending::gone);
    CHECK(end.known);
    CHECK(end.value == -514);
}

TEST_CASE("callbacks with typed arguments", "[syscalls]") {
    Scene scene;
    std::vector<int64_t> seen;
    scene.tracker.on_enter<OpenatCall>([&seen](const Call&, const OpenatCall& call) {
        seen = {call.dfd, static_cast<int64_t>(call.filename), call.flags, call.mode};
    });
    int64_t length = 0;
    scene.tracker.on_return<Ftruncate64Call>(
        [&length](const Call&, const Ftruncate64Call& call, const Return&) { length = call.length; });
    scene.call(parent, "openat", {static_cast<uint64_t>(-100), 0x1000, 0x241, 0x1ffff01b4});
    scene.back(parent, 3);
    CHECK(seen == std::vector<int64_t>{-100, 0x1000, 0x241, 0x01b4});
    scene.call(parent, "ftruncate64", {3, 0x10, 2}, CallGate::interrupt);
    scene.back(parent, 0, pc + 2, stack, ReturnGate::iret);
    CHECK(length == 0x200000010);
}
