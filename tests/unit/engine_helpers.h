// Recordings of the fake machine to replay, also with entries changed by hand.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>
#include <string>
#include <vector>

#include "recorder/engine/recorder.h"
#include "recorder/format/reader.h"
#include "recorder/format/writer.h"
#include "replayer/engine/replayer.h"
#include "tests/unit/fake_glue.h"
#include "tests/unit/recording_helpers.h"

namespace panda::engine::test {

using recording::Entry;
using recording::EntryKind;
using recording::Position;
using recording::test::TemporaryDirectory;

// Answers with numbers that count up, so that all are different.
class CountingDevices : public Devices {
  public:
    uint64_t read(FakeMachine&, EntryKind, unsigned) override { return ++count_; }
    uint64_t read2(FakeMachine&, EntryKind) override { return ++count_ << 20; }

  private:
    uint64_t count_ = 1000;
};

// Does what it is told at certain moments.
class ScriptedDevices : public CountingDevices {
  public:
    using Action = std::function<void(FakeMachine&)>;
    // Before the next block, once this many instructions (and exceptions) were counted.
    void at(Position position, Action action) { actions_.emplace_back(position, std::move(action)); }
    // Whenever an instruction asks, before it gets its answer.
    void before_answers(Action action) { before_answers_ = std::move(action); }
    void on_write(Action action) { on_write_ = std::move(action); }

    uint64_t read(FakeMachine& machine, EntryKind kind, unsigned size) override {
        if (before_answers_)
            before_answers_(machine);
        return CountingDevices::read(machine, kind, size);
    }
    void write(FakeMachine& machine, uint64_t) override {
        if (on_write_)
            on_write_(machine);
    }
    void act(FakeMachine& machine) override {
        const Position now = {glue_instr(), glue_exceptions()};
        while (machine.recording() && done_ < actions_.size() && now >= actions_[done_].first)
            actions_[done_++].second(machine);
    }
    bool all_done() const { return done_ == actions_.size(); }

  private:
    std::vector<std::pair<Position, Action>> actions_;
    size_t done_ = 0;
    Action before_answers_;
    Action on_write_;
};

// How a machine was when its recording ended, and what it went through.
struct Outcome {
    GlueProcessor processor;
    std::vector<std::vector<uint8_t>> memory;
    std::vector<uint32_t> path;
};

inline Outcome outcome_of(const FakeMachine& machine) {
    return {machine.processor(), machine.memory(), machine.path()};
}

// Records this many instructions; `prepare` may change the machine first.
inline Outcome record(const std::string& file, const std::string& program, Devices& devices,
                      uint64_t instructions, unsigned block_limit = 5, uint64_t check_interval = 50) {
    FakeMachine machine(program, block_limit);
    machine.budget = std::clamp<uint64_t>(check_interval / 5, 10, glue_counter_limit);
    Recorder recorder(check_interval);
    machine.attach(&recorder);
    machine.run(devices, 3);
    recorder.begin(file, IfExists::refuse, {});
    machine.run(devices, instructions);
    const Outcome outcome = outcome_of(machine);
    recorder.end();
    return outcome;
}

// Replays to the end of a whole recording.
inline Outcome replay(const std::string& file, unsigned block_limit = 5) {
    FakeMachine machine(block_limit);
    Replayer replayer(file, std::nullopt);
    machine.replay(replayer);
    REQUIRE(replayer.whole());
    replayer.check_memory();
    return outcome_of(machine);
}

inline void check_same(const Outcome& recorded, const Outcome& replayed) {
    CHECK(std::memcmp(&recorded.processor, &replayed.processor, sizeof(GlueProcessor)) == 0);
    CHECK(recorded.path == replayed.path);
    REQUIRE(recorded.memory.size() == replayed.memory.size());
    for (size_t i = 0; i < recorded.memory.size(); i++)
        CHECK((recorded.memory[i] == replayed.memory[i]));
}

inline std::vector<Entry> entries_of(const std::string& file) {
    const recording::RecordingReader reader(file);
    std::vector<Entry> entries;
    recording::LogCursor log = reader.log();
    for (; const Entry* entry = log.peek(); log.pop())
        entries.push_back(*entry);
    return entries;
}

// Index of the `nth` entry of that kind, from 0.
inline size_t find(const std::vector<Entry>& entries, EntryKind kind, size_t nth = 0) {
    for (size_t i = 0; i < entries.size(); i++) {
        if (entries[i].kind == kind && nth-- == 0)
            return i;
    }
    FAIL("the recording has no such entry");
    return 0;
}

enum class Ending { whole, cut_short };

// The same recording with other entries. Ending::whole: the last one must be `end`.
inline void rewrite(const std::string& from, const std::string& to, const std::vector<Entry>& entries,
                    Ending ending = Ending::whole, std::vector<uint64_t> hashes = {}) {
    const recording::RecordingReader reader(from);
    recording::RecordingWriter writer(to, reader.facts(), reader.blocks());
    for (const auto& map : reader.initial_maps())
        writer.write_map(map);
    writer.write_devices(reader.devices());
    writer.write_processor(reader.processor());
    reader.read_memory([&](uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        writer.write_memory(block, offset, bytes);
    });
    writer.begin_log();
    for (const Entry& entry : entries) {
        if (entry.kind != EntryKind::end)
            recording::test::append_entry(writer, entry);
    }
    if (ending == Ending::whole)
        writer.finish(entries.back().position, hashes.empty() ? reader.memory_hashes() : hashes);
    else
        writer.flush();
}

// What the replayer says about a recording that it cannot follow; "" if it can.
inline std::string divergence(const std::string& file) {
    try {
        replay(file);
        return "";
    } catch (const Divergence& error) {
        return error.what();
    }
}

}  // namespace panda::engine::test
