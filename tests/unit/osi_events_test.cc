#include <catch2/catch_test_macros.hpp>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/asidstory/story.h"
#include "analyzers/asidstory/story_report.h"
#include "osi/linux/task_watch.h"
#include "osi_fake_guest.h"
#include "tests/unit/json_lines.h"

using namespace panda::osi;
using panda::osi::linux_guest::OsiLinux;
using panda::osi::test::FakeGuest;

namespace {

constexpr uint64_t poison = 0xdead'0000'0000'0122;
constexpr uint64_t hook = 0x1800;  // offset in the image

// What was told, a word for each event.
struct Words : EventListener {
    std::vector<std::string> words;
    void say(const char* what, int64_t number) { words.push_back(what + std::to_string(number)); }
    void on_start(const EventPoint&, const Provider&) override { words.push_back("start"); }
    void on_task_change(const EventPoint&, const Thread& thread) override { say("run ", thread.tid); }
    void on_new_process(const EventPoint&, const Process& process) override { say("new ", process.pid); }
    void on_finished_process(const EventPoint&, const Process& process) override { say("end ", process.pid); }
    void on_new_thread(const EventPoint&, const Thread& thread) override { say("thread ", thread.tid); }
    void on_finished_thread(const EventPoint&, const Thread& thread) override { say("gone ", thread.tid); }
    void on_exec(const EventPoint&, const Process& process) override { say("exec ", process.pid); }
    std::vector<std::string> take() { return std::exchange(words, {}); }
};
using Told = std::vector<std::string>;

// A kernel that does to a FakeGuest's memory what Linux does to its own, store by store.
struct Kernel {
    static constexpr uint64_t next = 16, prev = 24, flags = 104, node_next = 88, node_prev = 96;

    FakeGuest guest{0x2da00000};
    Words told;
    std::optional<OsiLinux> provider;
    std::unique_ptr<EventWatch> watch;
    uint64_t instr = 0;

    explicit Kernel(bool with_flags = true, bool with_hook = false) {
        if (with_flags)
            guest.info.panda_task_flags_offset = flags;
        if (with_hook)
            guest.info.task_switch_task_hook_addr = FakeGuest::image_base + hook;
        put(guest.task_address(0) + prev, guest.task_address(0) + next);
        add(1, "init", true);
        add(2, "kthreadd", false);
        provider.emplace(guest.info, guest.point());
        watch = provider->watch(told);
    }
    bool start() { return watch->start({guest.point(), instr, 0}); }
    uint64_t task(unsigned index) const { return guest.task_address(index); }
    uint64_t signal(unsigned index) const {
        return FakeGuest::direct_base + FakeGuest::signals + index * 0x40;
    }

    void put(uint64_t address, uint64_t value, unsigned size = 8) {
        const uint64_t image = FakeGuest::image_base + guest.slide;
        const uint64_t physical = address >= image ? address - image : address - FakeGuest::direct_base;
        std::memcpy(guest.memory.bytes.data() + physical, &value, size);
    }
    // A store of the guest's.
    void store(uint64_t address, uint64_t value, unsigned size = 8) {
        put(address, value, size);
        ++instr;
        if (watch->addresses().may_hold(address) && watch->addresses().find(address) != nullptr)
            watch->on_store({{guest.point(), instr, 0}, address, value, static_cast<uint8_t>(size)});
    }
    // A task that is not on any list.
    unsigned make(int pid, const std::string& name, bool has_memory) {
        const unsigned index = guest.add_process(pid, 0, name, has_memory);
        put(task(index) + node_prev, signal(index));
        put(signal(index) + 8, task(index) + node_next);
        return index;
    }
    // A process, before the watch.
    unsigned add(int pid, const std::string& name, bool has_memory) {
        const unsigned index = make(pid, name, has_memory);
        put(task(index) + prev, task(index - 1) + next);
        put(task(0) + prev, task(index) + next);
        return index;
    }
    // list_add_tail_rcu(&p->tasks, &init_task.tasks)
    unsigned fork(int pid, const std::string& name) {
        const unsigned index = make(pid, name, true);
        store(task(index) + next, task(0) + next);
        store(task(index) + prev, task(index - 1) + next);
        store(task(index - 1) + next, task(index) + next);
        store(task(0) + prev, task(index) + next);
        return index;
    }
    // A thread of the process `leader`.
    unsigned clone(unsigned leader, int tid) {
        const unsigned index = guest.task_count++;
        const uint64_t at = task(index);
        for (uint64_t offset = 0; offset < 0x200; offset += 8)
            put(at + offset, 0);
        put(at + 32, static_cast<uint32_t>(tid), 4);
        int pid = 0;
        std::memcpy(&pid, guest.memory.bytes.data() + FakeGuest::init_task + leader * 0x200 + 36, 4);
        put(at + 36, static_cast<uint32_t>(pid), 4);
        put(at + 40, task(leader));
        put(at + 48, task(0));
        put(at + 56, FakeGuest::direct_base + FakeGuest::spaces + leader * 0x40);
        put(at + 80, signal(leader));
        store(at + node_next, signal(leader));
        store(at + node_prev, task(leader) + node_next);
        store(task(leader) + node_next, at + node_next);
        store(signal(leader) + 8, at + node_next);
        return index;
    }
    void exit(unsigned index) { store(task(index) + flags, 4, 4); }
    // list_del_rcu(&p->tasks), and the same for its thread node. `before` is the one before it, and `behind`
    // the one behind it.
    void release(unsigned index, unsigned before, unsigned behind) {
        store(task(behind) + prev, task(before) + next);
        store(task(before) + next, task(behind) + next);
        store(task(index) + prev, poison);
        store(task(index) + node_prev, poison);
    }
    void release_thread(unsigned index, unsigned leader) {
        store(signal(leader) + 8, task(leader) + node_next);
        store(task(leader) + node_next, signal(leader));
        store(task(index) + node_prev, poison);
    }
    void switch_to(unsigned index) {
        store(FakeGuest::direct_base + FakeGuest::per_cpu_area + 0x80, task(index));
    }
    void user_mode() { watch->on_user_mode({guest.point(), ++instr, 0x400000}); }
    void block(uint64_t pc) { watch->on_block({guest.point(), instr, pc}); }
};

}  // namespace

TEST_CASE("watched addresses") {
    WatchedAddresses addresses;
    CHECK_FALSE(addresses.may_hold(8));
    for (uint64_t i = 0; i < 5000; ++i)
        addresses.add(i * 8, {WatchedAddresses::Role::thread_flags, i});
    addresses.add(8, {WatchedAddresses::Role::thread_memory, 77});
    for (uint64_t i = 0; i < 5000; ++i)
        CHECK((addresses.may_hold(i * 8) && addresses.find(i * 8) != nullptr));
    CHECK(addresses.find(8)->task == 77);
    CHECK(addresses.find(4) == nullptr);
    for (uint64_t i = 0; i < 5000; ++i)
        addresses.remove(i * 8);
    addresses.remove(8);
    CHECK(addresses.size() == 0);
    for (uint64_t i = 0; i < 5000; ++i)
        CHECK_FALSE(addresses.may_hold(i * 8));
}

TEST_CASE("a watch starts when the kernel is there") {
    Kernel kernel;
    kernel.guest.cpu.cr0 = 0;
    CHECK_FALSE(kernel.start());
    kernel.guest.cpu.cr0 = 0x80050033;
    kernel.guest.memory.put_text(FakeGuest::init_task + 64, "firmware");
    CHECK_FALSE(kernel.start());
    kernel.guest.memory.put_text(FakeGuest::init_task + 64, "swapper/0");
    CHECK(kernel.start());
    CHECK(kernel.told.take() == Told{"start"});
}

TEST_CASE("a process's life") {
    Kernel kernel;
    REQUIRE(kernel.start());
    kernel.told.take();
    const unsigned child = kernel.fork(30, "sh");
    CHECK(kernel.told.take() == Told{"new 30"});
    kernel.store(kernel.task(0) + Kernel::prev, kernel.task(child) + Kernel::next);
    CHECK(kernel.told.take().empty());
    SECTION("it ends once, and its place is taken by another") {
        kernel.exit(child);
        CHECK(kernel.told.take() == Told{"gone 30", "end 30"});
        kernel.store(kernel.task(child) + Kernel::flags, 0x404, 4);
        kernel.release(child, child - 1, 0);
        CHECK(kernel.told.take().empty());
        --kernel.guest.task_count;
        kernel.put(kernel.task(child) + Kernel::flags, 0, 4);
        CHECK(kernel.fork(31, "ls") == child);
        kernel.exit(child);
        CHECK(kernel.told.take() == Told{"new 31", "gone 31", "end 31"});
    }
    SECTION("another one goes before it") {
        kernel.exit(2);
        kernel.release(2, 1, child);
        CHECK(kernel.told.take() == Told{"gone 2", "end 2"});
        kernel.exit(child);
        CHECK(kernel.told.take() == Told{"gone 30", "end 30"});
    }
    SECTION("it executes a program") {
        kernel.switch_to(child);
        CHECK(kernel.told.take() == Told{"run 30"});
        kernel.user_mode();
        kernel.store(kernel.task(child) + 56, FakeGuest::direct_base + FakeGuest::spaces + 0x40);
        CHECK(kernel.told.take().empty());
        kernel.switch_to(1);
        kernel.user_mode();
        CHECK(kernel.told.take() == Told{"run 1"});
        kernel.switch_to(child);
        kernel.user_mode();
        kernel.user_mode();
        CHECK(kernel.told.take() == Told{"run 30", "exec 30"});
        kernel.store(kernel.task(child) + 56, 0);
        kernel.user_mode();
        CHECK(kernel.told.take().empty());
    }
}

TEST_CASE("a process whose exit cannot be seen ends when it leaves the list") {
    Kernel kernel(false);
    REQUIRE(kernel.start());
    kernel.told.take();
    const unsigned child = kernel.fork(30, "sh");
    kernel.release(child, child - 1, 0);
    CHECK(kernel.told.take() == Told{"new 30", "end 30"});
}

TEST_CASE("threads") {
    Kernel kernel;
    REQUIRE(kernel.start());
    const unsigned leader = kernel.fork(30, "sh");
    kernel.told.take();
    const unsigned thread = kernel.clone(leader, 31);
    CHECK(kernel.told.take() == Told{"thread 31"});
    SECTION("a process lives as long as one of them") {
        kernel.exit(leader);
        CHECK(kernel.told.take() == Told{"gone 30"});
        kernel.put(kernel.task(leader) + 56, 0);
        const auto handle = kernel.provider->process(kernel.guest.point(), {kernel.task(leader), 0});
        kernel.exit(thread);
        CHECK(kernel.told.take() == Told{"gone 31", "end 30"});
    }
    SECTION("a thread that goes leaves its process") {
        kernel.exit(thread);
        kernel.release_thread(thread, leader);
        CHECK(kernel.told.take() == Told{"gone 31"});
        kernel.exit(leader);
        CHECK(kernel.told.take() == Told{"gone 30", "end 30"});
    }
    SECTION("a thread that executes a program takes the first one's place") {
        kernel.exit(leader);
        // de_thread(): numbers change hands, and list_replace_rcu(&leader->tasks, &tsk->tasks).
        kernel.put(kernel.task(thread) + 32, 30, 4);
        kernel.put(kernel.task(leader) + 32, 31, 4);
        kernel.store(kernel.task(thread) + Kernel::next, kernel.task(0) + Kernel::next);
        kernel.store(kernel.task(thread) + Kernel::prev, kernel.task(leader - 1) + Kernel::next);
        kernel.store(kernel.task(leader - 1) + Kernel::next, kernel.task(thread) + Kernel::next);
        kernel.store(kernel.task(0) + Kernel::prev, kernel.task(thread) + Kernel::next);
        kernel.store(kernel.task(leader) + Kernel::prev, poison);
        kernel.store(kernel.task(leader) + Kernel::node_prev, poison);
        CHECK(kernel.told.take() == Told{"gone 30"});
        kernel.switch_to(thread);
        kernel.store(kernel.task(thread) + 56, FakeGuest::direct_base + FakeGuest::spaces + 0x40);
        kernel.user_mode();
        CHECK(kernel.told.take() == Told{"run 30", "exec 30"});
        kernel.exit(thread);
        CHECK(kernel.told.take() == Told{"gone 30", "end 30"});
    }
}

TEST_CASE("a process whose first thread has ended has the memory of the others") {
    Kernel kernel;
    REQUIRE(kernel.start());
    const unsigned leader = kernel.fork(30, "sh");
    kernel.clone(leader, 31);
    const auto asid = [&] {
        return kernel.provider->process(kernel.guest.point(), {kernel.task(leader), 0})->handle.asid;
    };
    const uint64_t before = asid();
    CHECK(before != 0);
    kernel.put(kernel.task(leader) + 56, 0);
    CHECK(asid() == before);
}

TEST_CASE("task changes are told at the hook, or else before user code runs") {
    Kernel kernel(true, true);
    REQUIRE(kernel.start());
    kernel.told.take();
    kernel.switch_to(1);
    CHECK(kernel.watch->wants_blocks());
    kernel.block(FakeGuest::image_base + kernel.guest.slide);
    CHECK(kernel.told.take().empty());
    kernel.block(FakeGuest::image_base + kernel.guest.slide + hook);
    CHECK(kernel.told.take() == Told{"run 1"});
    CHECK_FALSE(kernel.watch->wants_blocks());
    kernel.switch_to(2);
    kernel.switch_to(1);
    CHECK(kernel.told.take() == Told{"run 2"});
    kernel.user_mode();
    CHECK(kernel.told.take() == Told{"run 1"});
}

TEST_CASE("the per-CPU area moves") {
    Kernel kernel;
    REQUIRE(kernel.start());
    kernel.told.take();
    const uint64_t moved = FakeGuest::direct_base + 0x70000;
    kernel.put(moved + 0x80, kernel.task(0));
    kernel.store(FakeGuest::image_base + kernel.guest.slide + FakeGuest::per_cpu_offsets, moved);
    kernel.switch_to(1);  // the old place
    CHECK(kernel.told.take().empty());
    kernel.store(moved + 0x80, kernel.task(2));
    CHECK(kernel.told.take() == Told{"run 2"});
}

TEST_CASE("stores of anything do no harm") {
    std::mt19937_64 random(1);
    for (int round = 0; round < 50; ++round) {
        Kernel kernel(round % 2 == 0);
        REQUIRE(kernel.start());
        const unsigned leader = kernel.fork(30, "sh");
        kernel.clone(leader, 31);
        for (int step = 0; step < 300; ++step) {
            const uint64_t offsets[] = {Kernel::next,
                                        Kernel::prev,
                                        Kernel::flags,
                                        Kernel::node_next,
                                        Kernel::node_prev,
                                        32,
                                        36,
                                        40,
                                        48,
                                        56,
                                        80};
            const uint64_t values[] = {0,
                                       poison,
                                       random(),
                                       kernel.task(random() % 8) + Kernel::next,
                                       kernel.task(random() % 8) + Kernel::node_next,
                                       kernel.signal(random() % 8)};
            kernel.store(kernel.task(random() % 6) + offsets[random() % std::size(offsets)],
                         values[random() % std::size(values)]);
            kernel.store(kernel.signal(random() % 6) + 8, values[random() % std::size(values)]);
            if (step % 10 == 0) {
                kernel.switch_to(random() % 8);
                kernel.user_mode();
            }
        }
        CHECK(kernel.watch->addresses().size() < 200);
    }
}

TEST_CASE("the story of processes") {
    using panda::asidstory::Run;
    Kernel kernel;
    panda::asidstory::Story story({});
    kernel.watch = kernel.provider->watch(story);
    kernel.instr = 100;
    REQUIRE(kernel.start());
    const auto at = [&](uint64_t instr) { kernel.instr = instr - 1; };
    at(200);
    kernel.switch_to(1);
    at(250);
    const unsigned child = kernel.fork(30, "sh");
    at(300);
    kernel.switch_to(child);
    kernel.guest.memory.put_text(FakeGuest::init_task + child * 0x200 + 64, "ls");
    kernel.store(kernel.task(child) + 56, FakeGuest::direct_base + FakeGuest::spaces + 0x40);
    at(350);
    kernel.user_mode();
    at(400);
    kernel.switch_to(1);
    kernel.exit(child);
    kernel.release(child, child - 1, 0);
    --kernel.guest.task_count;
    kernel.put(kernel.task(child) + Kernel::flags, 0, 4);
    kernel.fork(30, "sh");  // the same number and place again
    at(500);
    kernel.switch_to(child);
    story.finish(600);

    const auto& processes = story.processes();
    REQUIRE(processes.size() == 4);
    CHECK(processes[0].pid == 0);
    CHECK((processes[0].start_instr == 100 && processes[0].end_instr == 200));
    CHECK(processes[1].pid == 1);
    CHECK((processes[1].count == 2 && processes[1].instructions == 200));
    CHECK((processes[1].start_instr == 200 && processes[1].end_instr == 500));
    CHECK(processes[2].names == Told{"sh", "ls"});
    CHECK(processes[2].asid == 0x81000);
    CHECK((processes[2].start_instr == 300 && processes[2].end_instr == 400));
    CHECK(processes[2].tids == std::set<int64_t>{30});
    CHECK(processes[3].names == Told{"sh"});
    CHECK(processes[3].end_instr == 600);
    CHECK(story.runs().size() == 5);
}

TEST_CASE("a story with names that are not UTF-8 is mended in JSON") {
    using panda::tests::broken_name;
    using panda::tests::mended_name;
    Kernel kernel;
    std::ostringstream running;
    panda::asidstory::JsonRunning listener(running);
    panda::asidstory::Story story({&listener});
    kernel.watch = kernel.provider->watch(story);
    REQUIRE(kernel.start());
    const unsigned child = kernel.fork(30, broken_name);
    kernel.switch_to(child);
    story.finish(600);
    const auto runs = panda::tests::parse_lines(running.str());
    REQUIRE_FALSE(runs.empty());
    CHECK(runs.back()["name"] == mended_name);
    std::ostringstream out;
    panda::asidstory::write_json(out, story);
    const auto processes = panda::tests::parse_lines(out.str());
    REQUIRE_FALSE(processes.empty());
    CHECK(processes.back()["names"][0] == mended_name);
}
