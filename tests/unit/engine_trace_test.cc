// The tracer on the fake machine: the trace says what the processor did.
#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/engine_helpers.h"
#include "trace/proof/verify.h"
#include "trace/reading/reader.h"

using namespace panda;
using namespace panda::engine;
using namespace panda::engine::test;

namespace {

void write_trace(const std::string& recording, const std::string& file, unsigned block_limit,
                 trace::MemoryColumns memory = trace::MemoryColumns::values) {
    FakeMachine machine(block_limit);
    Replayer replayer(recording, std::nullopt);
    Tracer tracer({.file = file, .memory = memory}, replayer);
    machine.replay(replayer, &tracer);
}

// What a trace says, in the terms of the fake machine.
struct Traced {
    std::vector<uint32_t> path;
    std::vector<trace::Event> events;
    std::vector<trace::Snapshot> snapshots;
};

Traced read_trace(trace::TraceReader& reader) {
    Traced result;
    trace::ChunkCursor cursor(reader.blocks());
    while (const auto item = reader.next()) {
        if (const auto* snapshot = std::get_if<trace::Snapshot>(&*item)) {
            result.snapshots.push_back(*snapshot);
            continue;
        }
        cursor.start(std::get<trace::Chunk>(*item));
        for (auto step = cursor.next(); step != trace::ChunkCursor::Step::end; step = cursor.next()) {
            if (step == trace::ChunkCursor::Step::event) {
                result.events.push_back(cursor.event());
                continue;
            }
            const uint64_t pc = reader.blocks().pc(cursor.block().id);
            for (uint32_t i = 0; i < cursor.block().executed; i++)
                result.path.push_back(static_cast<uint32_t>(pc + i));
        }
    }
    reader.require_whole();
    return result;
}

template <typename Detail>
std::vector<std::pair<uint64_t, Detail>> events_of(const Traced& traced) {
    std::vector<std::pair<uint64_t, Detail>> result;
    for (const trace::Event& event : traced.events) {
        if (const auto* detail = std::get_if<Detail>(&event.detail))
            result.emplace_back(event.instr, *detail);
    }
    return result;
}

}  // namespace

TEST_CASE("a trace has every instruction, exception and interrupt of the replay, and its memory") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    for (const uint64_t at : {20, 57, 130})
        devices.at({at}, [at](FakeMachine& machine) { machine.raise_interrupt(static_cast<int>(at)); });
    devices.at({310}, [](FakeMachine& machine) { machine.map_device_range(true); });
    const Outcome recorded = record(directory.file("a"), "aipbmfcdFxls", devices, 3000);
    write_trace(directory.file("a"), directory.file("t"), GENERATE(1U, 4U, 9U));

    trace::TraceReader reader(directory.file("t"));
    const Traced traced = read_trace(reader);
    CHECK((traced.path == recorded.path));

    std::vector<std::pair<uint64_t, uint32_t>> vectors;
    for (const auto& [instr, interrupt] : events_of<trace::Interrupt>(traced)) {
        CHECK(interrupt.source == trace::InterruptSource::hardware);
        vectors.emplace_back(instr, interrupt.vector);
    }
    std::vector<std::pair<uint64_t, uint32_t>> expected;
    for (const Entry& entry : entries_of(directory.file("a"))) {
        if (entry.kind == EntryKind::interrupt)
            expected.emplace_back(entry.position.instr, static_cast<uint32_t>(entry.value2));
    }
    CHECK(expected.size() == 3);
    CHECK(vectors == expected);

    // 'f' (at 5) faults once before it is executed, 'F' (at 8) twice.
    const auto exceptions = events_of<trace::Exception>(traced);
    size_t faults = 0;
    for (size_t i = 0; i < traced.path.size(); i++) {
        const size_t here = traced.path[i] == 5 ? 1 : traced.path[i] == 8 ? 2 : 0;
        for (size_t j = 0; j < here && faults < exceptions.size(); j++, faults++) {
            CHECK(exceptions[faults].first == i);
            CHECK(exceptions[faults].second.pc == traced.path[i]);
            CHECK(exceptions[faults].second.vector == 14);
        }
    }
    CHECK(faults == exceptions.size());
    CHECK(faults == recorded.processor.general[13]);
    CHECK(events_of<trace::ModeChange>(traced).size() == recorded.processor.control.cr4);
    CHECK(events_of<trace::MemoryMapChange>(traced).size() >= 1);

    REQUIRE(traced.snapshots.size() == 2);
    CHECK(traced.snapshots[0].instr == 0);
    CHECK(traced.snapshots[1].instr == recorded.path.size());
    CHECK(traced.snapshots[1].cpu.rip == recorded.processor.flow.rip);
    CHECK(std::equal(traced.snapshots[1].cpu.general.begin(), traced.snapshots[1].cpu.general.end(),
                     recorded.processor.general));
    const trace::GuestMemory memory = reader.memory_at(1);
    for (uint32_t block = 0; block < 2; block++) {
        std::vector<uint8_t> traced_memory(recorded.memory[block].size());
        REQUIRE(memory.read_block(block, 0, std::as_writable_bytes(std::span(traced_memory))));
        CHECK((traced_memory == recorded.memory[block]));
    }
}

TEST_CASE("two replays of a recording give the same trace") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    record(directory.file("a"), "aipbmfcdFxls", devices, 3000);
    write_trace(directory.file("a"), directory.file("t"), 5);
    write_trace(directory.file("a"), directory.file("u"), 5);
    CHECK(
        (recording::test::read_file(directory.file("t")) == recording::test::read_file(directory.file("u"))));
}

TEST_CASE("memory follows from a full trace, bit for bit") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    record(directory.file("a"), GENERATE("aipbmfcdFxls", "lslslsls", "slmstfssFlh", "issssssssssssssssslmo"),
           devices, 20000);
    write_trace(directory.file("a"), directory.file("t"), GENERATE(1U, 4U, 9U));
    trace::TraceReader reader(directory.file("t"));
    const trace::VerifyReport report = trace::verify(reader, {.threads = 1});
    // The toy's program is not x86 code, so this does not ask whether blocks follow one another.
    CHECK(report.differing_pages == 0);
    CHECK(report.lost_stores == 0);
    CHECK(report.unlisted_pages == 0);
    CHECK(report.contradictions.empty());
    CHECK(report.flaw.empty());
    CHECK(report.snapshots_compared == 1);
    CHECK(report.pages_compared > 1);
    CHECK(report.accesses > 1000);
}

TEST_CASE("what the processor stores for an interrupt that ends the recording is not lost") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    for (const uint64_t at : {500, 2000, 2500, 3000})
        devices.at({at}, [](FakeMachine& machine) { machine.raise_interrupt(7); });
    record(directory.file("a"), "ilslsmlsls", devices, GENERATE(2000U, 2500U, 3000U));
    write_trace(directory.file("a"), directory.file("t"), GENERATE(1U, 4U));
    trace::TraceReader reader(directory.file("t"));
    const trace::VerifyReport report = trace::verify(reader, {.threads = 1});
    CHECK(report.differing_pages == 0);
    CHECK(report.contradictions.empty());
    CHECK(report.pages_compared > 1);
}

TEST_CASE("a trace tells which device writes to memory") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    uint64_t at = 0;
    for (const uint32_t device : {1, 2, 0})
        devices.at({at += 100},
                   [device](FakeMachine& machine) { machine.write_memory(0, 4096, {1, 2, 3}, device); });
    // The fake network card answers, and writes to memory before it does.
    devices.before_answers([](FakeMachine& machine) { machine.write_memory(0, 8192, {4}, 2); });
    record(directory.file("a"), "aaaaaaaaap", devices, 400);
    write_trace(directory.file("a"), directory.file("t"), 4);

    trace::TraceReader reader(directory.file("t"));
    CHECK(reader.header().devices ==
          std::vector<trace::Device>{{"fake-disk", "0000:00:01.0", "disk"}, {"fake-network", "", "network"}});
    std::vector<uint32_t> writers;
    size_t answers = 0;
    for (const auto& [instr, transfer] : events_of<trace::Transfer>(read_trace(reader))) {
        constexpr trace::TransferSource sources[] = {
            trace::TransferSource::device, trace::TransferSource::disk, trace::TransferSource::network};
        CHECK(transfer.source == sources[transfer.device]);
        if (transfer.offset == 8192) {
            CHECK(transfer.device == 2);
            ++answers;
        } else {
            writers.push_back(transfer.device);
        }
    }
    CHECK(writers == std::vector<uint32_t>{1, 2, 0});
    CHECK(answers > 10);
}

TEST_CASE("a trace follows the processor's mode, also where it is replaced") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.at({100}, [](FakeMachine& machine) {
        machine.processor().control.cr3 = 0x5000;
        machine.debugger_writes_register(3, 1);
    });
    devices.at({200}, [](FakeMachine& machine) {
        machine.processor().control.hflags_smm = 2;
        machine.debugger_writes_register(3, 1);
    });
    record(directory.file("a"), "aaaa", devices, 400);
    write_trace(directory.file("a"), directory.file("t"), 4);

    trace::TraceReader reader(directory.file("t"));
    const Traced traced = read_trace(reader);
    const auto spaces = events_of<trace::AddressSpaceChange>(traced);
    REQUIRE(spaces.size() == 1);
    CHECK(spaces[0].second.cr3 == 0x5000);
    const auto modes = events_of<trace::ModeChange>(traced);
    REQUIRE(modes.size() == 1);
    CHECK(modes[0].first >= 200);
    CHECK(modes[0].second.system_management);
    CHECK_FALSE(traced.snapshots.front().cpu.system_management);
    CHECK(traced.snapshots.back().cpu.system_management);
}

TEST_CASE("a trace of a window opens with the memory map in force there") {
    const TemporaryDirectory directory;
    ScriptedDevices devices;
    devices.at({100}, [](FakeMachine& machine) { machine.map_device_range(true); });
    devices.at({300}, [](FakeMachine& machine) { machine.map_device_range(false); });
    record(directory.file("a"), "lslsa", devices, 400);
    FakeMachine machine(4);
    Replayer replayer(directory.file("a"), std::nullopt);
    Tracer tracer({.file = directory.file("t"), .memory = trace::MemoryColumns::values, .first_instr = 200},
                  replayer);
    machine.replay(replayer, &tracer, 200);

    trace::TraceReader reader(directory.file("t"));
    const Traced traced = read_trace(reader);
    const auto changes = events_of<trace::MemoryMapChange>(traced);
    REQUIRE(changes.size() == 1);  // the one at 300
    const trace::MemoryMap& before = traced.snapshots.front().memory_maps.at(0);
    const trace::MemoryMap& after = reader.memory_maps().at(changes[0].second.map);
    CHECK(before.ranges.size() == after.ranges.size() + 1);
}

TEST_CASE("snapshots are rarer in large guests and where stores are not traced") {
    using trace::MemoryColumns;
    constexpr uint64_t gib = uint64_t{1} << 30;
    CHECK(default_snapshot_interval(MemoryColumns::values, gib / 4) == 64'000'000);
    CHECK(default_snapshot_interval(MemoryColumns::values, 4 * gib) == gib / 4);
    CHECK(default_snapshot_interval(MemoryColumns::values, 64 * gib) == 500'000'000);
    CHECK(default_snapshot_interval(MemoryColumns::addresses, gib) == 500'000'000);
    CHECK(default_snapshot_interval(MemoryColumns::none, gib) == 500'000'000);
}

TEST_CASE("a trace can leave out memory, the kernel, or all but an address space") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    const Outcome recorded = record(directory.file("a"), "aipbmfcdFxls", devices, 3000);
    const uint64_t total = recorded.path.size();
    SECTION("addresses only") {
        write_trace(directory.file("a"), directory.file("t"), 4, trace::MemoryColumns::addresses);
        trace::TraceReader reader(directory.file("t"));
        const Traced traced = read_trace(reader);
        CHECK((traced.path == recorded.path));
    }
    SECTION("user mode only: the toy has none") {
        FakeMachine machine(4);
        Replayer replayer(directory.file("a"), std::nullopt);
        TraceOptions options;
        options.file = directory.file("t");
        options.filter.kernel = false;
        Tracer tracer(options, replayer);
        machine.replay(replayer, &tracer);
        trace::TraceReader reader(directory.file("t"));
        const Traced traced = read_trace(reader);
        CHECK(traced.path.empty());
        uint64_t left_out = 0;
        for (const auto& [instr, gap] : events_of<trace::Gap>(traced))
            left_out += gap.instructions;
        CHECK(left_out == total);
    }
}
