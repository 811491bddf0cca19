// Recordings that do not fit what the processor does: each difference is found, and the message says which.
#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/engine_helpers.h"

using namespace panda;
using namespace panda::engine;
using namespace panda::engine::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// A recording, and what a replay says about it after `change`.
struct Changed {
    explicit Changed(const std::string& program, Devices&& devices = CountingDevices(),
                     uint64_t instructions = 200) {
        record(directory.file("a"), program, devices, instructions);
        entries = entries_of(directory.file("a"));
    }
    std::string message() {
        const std::string file = directory.file(std::to_string(++files));
        rewrite(directory.file("a"), file, entries);
        return divergence(file);
    }

    TemporaryDirectory directory;
    std::vector<Entry> entries;
    unsigned files = 0;
};

ScriptedDevices interrupting() {
    ScriptedDevices devices;
    devices.at({77}, [](FakeMachine& machine) { machine.raise_interrupt(9); });
    return devices;
}

std::string at(const Entry& entry) {
    return " at instruction " + std::to_string(entry.position.instr);
}

}  // namespace

TEST_CASE("an unchanged recording does not diverge") {
    CHECK(Changed("aibpfc", CountingDevices(), 200).message().empty());
}

TEST_CASE("an input of another kind is named") {
    Changed changed("abpab");
    Entry& entry = changed.entries[find(changed.entries, EntryKind::port_read, 5)];
    entry.kind = EntryKind::time_stamp;
    CHECK_THAT(changed.message(), ContainsSubstring("asks for a port-read" + at(entry) +
                                                    ", the recording has a time-stamp" + at(entry)));
}

TEST_CASE("an input of another size is named") {
    Changed changed("abpab");
    Entry& entry = changed.entries[find(changed.entries, EntryKind::port_read, 5)];
    entry.value2 *= 2;
    CHECK_THAT(changed.message(), ContainsSubstring("asks for a port-read" + at(entry)));
}

TEST_CASE("an input at another position is named") {
    Changed changed("abpab");
    Entry& entry = changed.entries[find(changed.entries, EntryKind::port_read, 5)];
    const Entry original = entry;
    SECTION("later") {
        entry.position.instr += 2;
        CHECK_THAT(changed.message(), ContainsSubstring("asks for a port-read" + at(original) +
                                                        ", the recording has a port-read" + at(entry)));
    }
    SECTION("earlier") {
        entry.position.instr -= 2;
        CHECK_THAT(changed.message(), ContainsSubstring("the recording has a port-read" + at(entry)));
    }
}

TEST_CASE("an input that nobody asks for is named") {
    Changed changed("abcabdddp");
    const size_t check = find(changed.entries, EntryKind::check, 1);
    Entry entry = changed.entries[check];
    entry.kind = EntryKind::time_stamp;
    entry.data.clear();
    SECTION("before an entry at the same position") {
        changed.entries.insert(changed.entries.begin() + static_cast<ptrdiff_t>(check), entry);
    }
    SECTION("behind one") {
        changed.entries.insert(changed.entries.begin() + static_cast<ptrdiff_t>(check) + 1, entry);
    }
    CHECK_THAT(changed.message(), ContainsSubstring(" time-stamp" + at(entry)));
}

TEST_CASE("an input that the recording lacks is named") {
    Changed changed("abpabcab");
    const size_t index = find(changed.entries, EntryKind::cpuid, 3);
    const Entry entry = changed.entries[index];
    changed.entries.erase(changed.entries.begin() + static_cast<ptrdiff_t>(index));
    CHECK_THAT(changed.message(),
               ContainsSubstring("asks for a cpuid" + at(entry) + ", the recording has a port-read"));
}

TEST_CASE("a processor that asks after the end is named") {
    Changed changed("ab" + std::string(197, 'a') + "p", CountingDevices(), 190);
    // The end moves behind an instruction that asks.
    changed.entries.back().position.instr += 20;
    CHECK_THAT(changed.message(), ContainsSubstring("asks for a port-read at instruction 195, where the "
                                                    "recording has none"));
}

TEST_CASE("a wrong value shows at the next check, with what differs and since when") {
    Changed changed("abpab");
    const size_t index = find(changed.entries, EntryKind::port_read, 15);
    changed.entries[index].value++;
    uint64_t last = 0;
    for (size_t i = 0; i < index; i++) {
        if (changed.entries[i].kind == EntryKind::check)
            last = changed.entries[i].position.instr;
    }
    const Entry* next = &changed.entries[index];
    while (next->kind != EntryKind::check)
        next++;
    REQUIRE(last > 0);
    CHECK(changed.message() == "the replay diverges from the recording between instruction " +
                                   std::to_string(last) + " and " + std::to_string(next->position.instr) +
                                   ": the processor's state differs: general registers");
}

TEST_CASE("an interrupt that is missing shows at the next check") {
    Changed changed("aibdcab", interrupting());
    const size_t index = find(changed.entries, EntryKind::interrupt);
    changed.entries.erase(changed.entries.begin() + static_cast<ptrdiff_t>(index));
    CHECK_THAT(changed.message(), ContainsSubstring("state differs: general registers"));
}

TEST_CASE("an interrupt with another vector shows at the next check") {
    Changed changed("aibdcab", interrupting());
    changed.entries[find(changed.entries, EntryKind::interrupt)].value2++;
    CHECK_THAT(changed.message(), ContainsSubstring("state differs: general registers"));
}

TEST_CASE("an interrupt that the processor does not take is named") {
    Changed changed("aabdcab");
    Entry entry = changed.entries[find(changed.entries, EntryKind::cpuid, 7)];
    entry.kind = EntryKind::interrupt;
    entry.position.instr++;
    entry.value = FakeMachine::hard_interrupt;
    entry.value2 = 9;
    const auto after =
        changed.entries.begin() + static_cast<ptrdiff_t>(find(changed.entries, EntryKind::cpuid, 7));
    changed.entries.insert(after + 1, entry);
    CHECK_THAT(changed.message(), ContainsSubstring("the processor does not take the interrupt" + at(entry)));
}

TEST_CASE("a device's write that is missing shows in memory at the end, though no register shows it") {
    ScriptedDevices devices;
    devices.at({60}, [](FakeMachine& machine) { machine.write_memory(0, 0x104321, {1}); });
    Changed changed("abcd", std::move(devices));
    const size_t index = find(changed.entries, EntryKind::memory_write);
    changed.entries.erase(changed.entries.begin() + static_cast<ptrdiff_t>(index));
    CHECK_THAT(changed.message(), ContainsSubstring("memory differs at the end, in MiB 1 of toy.ram"));
}

TEST_CASE("memory is compared in every block") {
    CountingDevices devices;
    const TemporaryDirectory directory;
    record(directory.file("a"), "abcd", devices, 100);
    const recording::RecordingReader reader(directory.file("a"));
    auto hashes = reader.memory_hashes();
    REQUIRE(hashes.size() == 3);
    const auto [index, place] = GENERATE(table<size_t, std::string>(
        {{0, "MiB 0 of toy.ram"}, {1, "MiB 1 of toy.ram"}, {2, "MiB 0 of toy.rom"}}));
    hashes[index]++;
    rewrite(directory.file("a"), directory.file("b"), entries_of(directory.file("a")), Ending::whole, hashes);
    CHECK_THAT(divergence(directory.file("b")), ContainsSubstring(place));
}

TEST_CASE("a halt that nothing ends is named") {
    class Waking : public CountingDevices {
        void act(FakeMachine& machine) override {
            if (machine.halted())
                machine.raise_interrupt(3);
        }
    };
    Changed changed("iabhpcd", Waking(), 100);
    const size_t index = find(changed.entries, EntryKind::wake, 3);
    const Entry wake = changed.entries[index];
    SECTION("an interrupt without wake") {
        changed.entries.erase(changed.entries.begin() + static_cast<ptrdiff_t>(index));
        CHECK_THAT(changed.message(), ContainsSubstring("the processor halts" + at(wake) +
                                                        ", the recording has an interrupt" + at(wake)));
    }
    SECTION("neither: the input that comes next is named") {
        changed.entries.erase(changed.entries.begin() + static_cast<ptrdiff_t>(index),
                              changed.entries.begin() + static_cast<ptrdiff_t>(index) + 2);
        CHECK_THAT(changed.message(),
                   ContainsSubstring("the processor halts" + at(wake) + ", the recording has a port-read"));
    }
    SECTION("and the recording was cut short behind an input") {
        const size_t input = find(changed.entries, EntryKind::port_read, 3);
        changed.entries.resize(input + 1);
        changed.entries.erase(changed.entries.begin() + static_cast<ptrdiff_t>(index),
                              changed.entries.begin() + static_cast<ptrdiff_t>(index) + 2);
        const std::string file = changed.directory.file("cut");
        rewrite(changed.directory.file("a"), file, changed.entries, Ending::cut_short);
        CHECK_THAT(divergence(file), ContainsSubstring("the processor halts" + at(wake)));
    }
}

TEST_CASE("a wake of a processor that does not halt is named") {
    Changed changed("abcd");
    Entry& entry = changed.entries[find(changed.entries, EntryKind::check, 1)];
    entry.kind = EntryKind::wake;
    entry.data.clear();
    CHECK_THAT(changed.message(), ContainsSubstring("a wake does not belong" + at(entry)));
}

TEST_CASE("entries that no engine writes are errors, not crashes") {
    Changed changed("abcd");
    const size_t index = find(changed.entries, EntryKind::check, 1);
    Entry& entry = changed.entries[index];
    const auto replay_changed = [&] {
        const std::string file = changed.directory.file("bad");
        rewrite(changed.directory.file("a"), file, changed.entries);
        replay(file);
    };
    SECTION("a check of another size") {
        entry.data.resize(7);
        CHECK_THROWS_WITH(replay_changed(), ContainsSubstring("bad: ") &&
                                                ContainsSubstring("a state check has an unknown size"));
    }
    SECTION("a processor's state of another size") {
        entry.kind = GENERATE(EntryKind::reset, EntryKind::processor_write);
        CHECK_THROWS_WITH(replay_changed(), ContainsSubstring("the toy's state has another size"));
    }
    SECTION("an address space that the machine does not have") {
        entry.kind = EntryKind::memory_map;
        entry.map.address_space = 2;
        CHECK_THROWS_WITH(replay_changed(), ContainsSubstring("an address space that the machine lacks"));
    }
}

TEST_CASE("checks and interrupts at the position of an input that was not taken do not hang the replay") {
    Changed changed("abcd");
    const size_t index = find(changed.entries, EntryKind::cpuid, 10);
    Entry input = changed.entries[index];
    Entry check = changed.entries[find(changed.entries, EntryKind::check)];
    input.kind = EntryKind::port_read;
    input.position.instr += 2;
    check.position = input.position;
    changed.entries.insert(changed.entries.begin() + static_cast<ptrdiff_t>(index) + 1, {input, check});
    CHECK_THAT(changed.message(), ContainsSubstring("does not take a port-read" + at(input)));
}
