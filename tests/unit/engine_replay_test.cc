// What was recorded on the fake machine replays, whatever happened.
#include <algorithm>
#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/engine_helpers.h"

using namespace panda;
using namespace panda::engine;
using namespace panda::engine::test;

namespace {

// The recording replays to the same end, also when blocks are cut otherwise.
void check_replays(const std::string& file, const Outcome& recorded) {
    for (const unsigned block_limit : {1U, 2U, 5U, 9U})
        check_same(recorded, replay(file, block_limit));
}

size_t count(const std::string& file, EntryKind kind) {
    size_t result = 0;
    for (const Entry& entry : entries_of(file))
        result += entry.kind == kind;
    return result;
}

}  // namespace

TEST_CASE("a run with every kind of input replays") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    const Outcome recorded = record(directory.file("a"), "abpamtcrlsaoab", devices, 1000);
    CHECK(recorded.path.size() >= 1000);
    for (const EntryKind kind : {EntryKind::port_read, EntryKind::mmio_read, EntryKind::time_stamp,
                                 EntryKind::cpuid, EntryKind::random})
        CHECK(count(directory.file("a"), kind) > 50);
    CHECK(count(directory.file("a"), EntryKind::check) >= 10);
    check_replays(directory.file("a"), recorded);
}

TEST_CASE("a run longer than many budgets replays") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    const Outcome recorded =
        record(directory.file("a"), std::string(200, 'a') + "p", devices, 300000, 5, 100000);
    CHECK(count(directory.file("a"), EntryKind::check) >= 3);
    check_same(recorded, replay(directory.file("a")));
}

TEST_CASE("interrupts are delivered where they were") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    for (const uint64_t at : {20, 57, 58, 200})
        devices.at({at}, [at](FakeMachine& machine) { machine.raise_interrupt(static_cast<int>(at)); });
    const Outcome recorded = record(directory.file("a"), "aiabcde", devices, 500);
    CHECK(recorded.processor.general[14] == 4);
    CHECK(count(directory.file("a"), EntryKind::interrupt) == 4);
    check_replays(directory.file("a"), recorded);
}

TEST_CASE("what happens behind an exception happens behind it at replay") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    // The instruction after 17 faults twice: devices act before, between and after the faults.
    for (const uint32_t exceptions : {0, 1, 2})
        devices.at({17, exceptions}, [exceptions](FakeMachine& machine) {
            machine.write_memory(0, 0x7000 + exceptions, {static_cast<uint8_t>(glue_exceptions() + 1)});
        });
    devices.at({17, 2}, [](FakeMachine& machine) { machine.raise_interrupt(3); });
    const Outcome recorded = record(directory.file("a"), "aiabcdabcdabcdabcdabFab", devices, 100, 1);
    REQUIRE(devices.all_done());
    REQUIRE(recorded.memory[0][0x7002] == 3);
    const auto entries = entries_of(directory.file("a"));
    CHECK(entries[find(entries, EntryKind::memory_write, 2)].position == Position{17, 2});
    CHECK(entries[find(entries, EntryKind::interrupt)].position == Position{17, 2});
    check_replays(directory.file("a"), recorded);

    SECTION("and an exception that does not come is named") {
        auto changed = entries;
        for (Entry& entry : changed) {
            if (entry.position == Position{17, 2})
                entry.position.exceptions = 3;
        }
        rewrite(directory.file("a"), directory.file("b"), changed);
        CHECK_THAT(divergence(directory.file("b")),
                   Catch::Matchers::ContainsSubstring("has not taken a memory-write at instruction 17 after "
                                                      "exception 3"));
    }
}

TEST_CASE("what a device writes before it answers is in memory before the answer") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.before_answers([](FakeMachine& machine) {
        if (machine.recording())
            machine.write_memory(0, 0x6000 + glue_instr(), {7, 7});
    });
    const Outcome recorded = record(directory.file("a"), "abpamtcrlsaoab", devices, 300);
    const auto entries = entries_of(directory.file("a"));
    const size_t write = find(entries, EntryKind::memory_write);
    REQUIRE(entries[write + 1].position == entries[write].position);
    check_replays(directory.file("a"), recorded);

    FakeMachine machine;
    Replayer replayer(directory.file("a"), std::nullopt);
    struct Observer : ReplayObserver {
        void applying(const Entry& entry) override { positions.push_back(entry.position); }
        void checked(uint64_t) override {}
        std::vector<Position> positions;
    } observer;
    replayer.observe(&observer);
    machine.replay(replayer);
    CHECK(std::ranges::is_sorted(observer.positions));
    CHECK(observer.positions.size() >
          2 * static_cast<size_t>(std::ranges::count_if(
                  entries, [](const Entry& entry) { return entry.kind == EntryKind::check; })));
}

TEST_CASE("what a device writes when it is written to is in memory after the instruction") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.on_write([](FakeMachine& machine) {
        // Over the program: the next instruction becomes another one.
        machine.write_memory(0, 4, {static_cast<uint8_t>('0' + machine.executed() % 10)});
    });
    const Outcome recorded = record(directory.file("a"), "abcoabcpab", devices, 200);
    CHECK(count(directory.file("a"), EntryKind::memory_write) >= 19);
    check_replays(directory.file("a"), recorded);
}

TEST_CASE("what a device writes to registers when it is asked, or written to, is an input") {
    const TemporaryDirectory directory;
    class Port : public Devices {
      public:
        uint64_t read(FakeMachine& machine, EntryKind kind, unsigned size) override {
            if (kind == EntryKind::port_read || kind == EntryKind::mmio_read) {
                machine.device_writes_register(3, ++asked_);
                machine.device_writes_register(15, asked_ << 40);
            }
            return size;
        }
        void write(FakeMachine& machine, uint64_t value) override {
            machine.device_writes_register(0, value + ++asked_);
        }

      private:
        uint64_t asked_ = 0;
    } devices;
    const Outcome recorded = record(directory.file("a"), "apbmocpl", devices, 200);
    CHECK(count(directory.file("a"), EntryKind::processor_write) > 100);
    check_replays(directory.file("a"), recorded);
}

TEST_CASE("HLT takes no time at replay, and what happens meanwhile happens") {
    const TemporaryDirectory directory;
    class Idle : public Devices {
      public:
        void act(FakeMachine& machine) override {
            if (!machine.halted())
                return;
            idle_++;
            if (idle_ % 10 == 5)
                machine.write_memory(1, idle_, {static_cast<uint8_t>(idle_)});
            if (idle_ % 10 == 9)
                machine.raise_interrupt(static_cast<int>(idle_));
        }

      private:
        unsigned idle_ = 0;
    } devices;
    const Outcome recorded = record(directory.file("a"), "iabhcd", devices, 100);
    CHECK(count(directory.file("a"), EntryKind::wake) > 10);
    CHECK(count(directory.file("a"), EntryKind::wake) == count(directory.file("a"), EntryKind::memory_write));
    check_replays(directory.file("a"), recorded);
}

TEST_CASE("a recording that ends in HLT replays to its end") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("a");
    FakeMachine machine("abiabh");
    CountingDevices devices;
    Recorder recorder(50);
    machine.attach(&recorder);
    recorder.begin(file, IfExists::refuse, {});
    CHECK_THROWS_WITH(machine.run(devices, 100), "the toy halts for ever");
    const Outcome recorded = outcome_of(machine);
    recorder.end();
    CHECK(recorded.path.size() == 6);
    check_same(recorded, replay(file));
}

TEST_CASE("maps, A20, resets and debuggers replay") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.at({50}, [](FakeMachine& machine) { machine.map_device_range(true); });
    devices.at({150}, [](FakeMachine& machine) { machine.set_a20(false); });
    devices.at({250}, [](FakeMachine& machine) { machine.map_device_range(false); });
    devices.at({300}, [](FakeMachine& machine) { machine.reset(); });
    devices.at({350}, [](FakeMachine& machine) { machine.debugger_writes_register(0, 42); });
    devices.at({400}, [](FakeMachine& machine) { machine.set_a20(false); });
    const Outcome recorded = record(directory.file("a"), "almsbpmfc", devices, 500);
    REQUIRE(devices.all_done());
    const std::string file = directory.file("a");
    CHECK(count(file, EntryKind::memory_map) == 2);
    CHECK(count(file, EntryKind::a20) == 2);
    CHECK(count(file, EntryKind::processor_write) == 1);
    // The reset changed a page of RAM and one of ROM.
    CHECK(count(file, EntryKind::reset) == 1);
    CHECK(count(file, EntryKind::memory_write) == 2);
    check_replays(file, recorded);
}

TEST_CASE("a reset wakes a halted processor, a debugger does not") {
    const TemporaryDirectory directory;
    class Waking : public Devices {
      public:
        void act(FakeMachine& machine) override {
            if (!machine.recording() || !machine.halted())
                return;
            idle_++;
            if (idle_ == 3)
                machine.debugger_writes_register(5, 5);
            if (idle_ == 6)
                machine.reset();
            if (idle_ > 6)
                machine.raise_interrupt(1);
        }

      private:
        unsigned idle_ = 0;
    } devices;
    const Outcome recorded = record(directory.file("a"), "abiahab", devices, 60);
    CHECK(count(directory.file("a"), EntryKind::reset) == 1);
    CHECK(count(directory.file("a"), EntryKind::processor_write) == 1);
    CHECK(count(directory.file("a"), EntryKind::wake) > 1);
    check_replays(directory.file("a"), recorded);
}

TEST_CASE("a replay stops where it is asked to, and was there in the recording") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.at({100}, [](FakeMachine& machine) { machine.raise_interrupt(1); });
    const Outcome recorded = record(directory.file("a"), "aibpfcd", devices, 300);
    const uint64_t stop = GENERATE(0, 1, 7, 99, 100, 101, 250);
    FakeMachine machine;
    Replayer replayer(directory.file("a"), stop);
    CHECK(replayer.last_instr() == stop);
    machine.replay(replayer);
    CHECK_FALSE(replayer.whole());
    CHECK(glue_instr() == stop);
    CHECK(machine.path() ==
          std::vector(recorded.path.begin(), recorded.path.begin() + static_cast<ptrdiff_t>(stop)));
}

TEST_CASE("a stop behind the end changes nothing") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    const Outcome recorded = record(directory.file("a"), "abpc", devices, 100);
    FakeMachine machine;
    Replayer replayer(directory.file("a"), 1000000);
    CHECK(replayer.last_instr() == recorded.path.size());
    machine.replay(replayer);
    CHECK(replayer.whole());
    check_same(recorded, outcome_of(machine));
}

TEST_CASE("a recording that was cut short replays to its last entry") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.at({100}, [](FakeMachine& machine) { machine.raise_interrupt(1); });
    devices.at({200}, [](FakeMachine& machine) { machine.write_memory(0, 0x7000, {1}); });
    const Outcome recorded = record(directory.file("a"), "aibpFcdma", devices, 300);
    auto entries = entries_of(directory.file("a"));
    while (entries.size() > 1) {
        entries.pop_back();
        const std::string file = directory.file(std::to_string(entries.size()));
        rewrite(directory.file("a"), file, entries, Ending::cut_short);
        FakeMachine machine;
        Replayer replayer(file, std::nullopt);
        CHECK(replayer.last_instr() == entries.back().position.instr);
        machine.replay(replayer);
        CHECK_FALSE(replayer.whole());
        REQUIRE(machine.path().size() == entries.back().position.instr);
        CHECK(std::equal(machine.path().begin(), machine.path().end(), recorded.path.begin()));
    }
}

TEST_CASE("a second recording of the same machine replays as well as the first") {
    const TemporaryDirectory directory;
    FakeMachine machine("abpcFls");
    CountingDevices devices;
    Recorder recorder(50);
    machine.attach(&recorder);
    std::vector<Outcome> recorded;
    for (const char* name : {"a", "b"}) {
        machine.run(devices, 33);
        recorder.begin(directory.file(name), IfExists::refuse, {});
        machine.run(devices, 200);
        recorded.push_back(outcome_of(machine));
        recorder.end();
    }
    check_same(recorded[0], replay(directory.file("a")));
    check_same(recorded[1], replay(directory.file("b")));
}
