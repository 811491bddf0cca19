// Random machines: whatever happens while recording, the replay ends in the same state by the same path, and
// a recording with a random change does not hang or crash it.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <random>

#include "tests/unit/engine_helpers.h"
#include "tests/unit/engine_random_machine.h"

using namespace panda;
using namespace panda::engine;
using namespace panda::engine::test;

TEST_CASE("random machines replay to the same end by the same path") {
    const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{61}));
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    RandomDevices devices(random());
    const std::string program = random_program(random);
    INFO("program " << program);
    const uint64_t instructions = 1 + random() % 5000;
    const Outcome recorded =
        record(directory.file("a"), program, devices, instructions, 1 + random() % 9, 1 + random() % 500);
    check_same(recorded, replay(directory.file("a"), static_cast<unsigned>(1 + random() % 9)));
}

TEST_CASE("random changes of a recording are found or harmless, and never hang the replay") {
    const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{41}));
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    RandomDevices devices(random());
    const Outcome recorded = record(directory.file("a"), random_program(random), devices, 1000);
    auto entries = entries_of(directory.file("a"));
    REQUIRE(entries.size() > 2);
    const size_t index = random() % (entries.size() - 1);
    Entry& entry = entries[index];
    bool must_be_found = false;
    switch (random() % 4) {
        case 0:
            entries.erase(entries.begin() + static_cast<ptrdiff_t>(index));
            break;
        case 1:
            // One synchronous entry more or less cannot go unnoticed.
            must_be_found = entry.kind <= EntryKind::cpuid;
            entries.insert(entries.begin() + static_cast<ptrdiff_t>(index), Entry(entry));
            break;
        case 2:
            entry.kind = static_cast<EntryKind>(random() % 15);
            if (entry.kind == EntryKind::memory_map)
                entry.map = recording::RecordingReader(directory.file("a")).initial_maps()[0];
            if (entry.kind == EntryKind::memory_write) {
                entry.value = random() % 2;
                entry.value2 = random() % 10000;
            }
            break;
        default:
            entry.position.instr = std::max(entry.position.instr, entries[index + 1].position.instr);
            entry.position.exceptions = entries[index + 1].position.exceptions;
    }
    rewrite(directory.file("a"), directory.file("b"), entries);
    bool found = false;
    try {
        check_same(recorded, replay(directory.file("b")));
    } catch (const Divergence&) {
        found = true;
    } catch (const FileError&) {
        found = true;
    }
    CHECK((found || !must_be_found));
}
