// Parts of recordings: each replays by itself, and does what the whole recording does there.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <random>

#include "replayer/engine/cutter.h"
#include "tests/unit/engine_helpers.h"
#include "tests/unit/engine_random_machine.h"

using namespace panda;
using namespace panda::engine;
using namespace panda::engine::test;

namespace {

// Writes a part of a recording; the outcome is that at the part's end, with the part's own path.
Outcome cut(const std::string& from_file, const std::string& to_file, uint64_t from,
            std::optional<uint64_t> to, unsigned block_limit) {
    FakeMachine machine(block_limit);
    Replayer replayer(from_file, std::nullopt);
    Cutter cutter({.file = to_file, .from = from, .to = to}, replayer);
    replayer.observe(&cutter);
    machine.replay(replayer);
    cutter.finish();
    return outcome_of(machine);
}

uint64_t length_of(const std::string& file) {
    return recording::RecordingReader(file).last_position().instr;
}

std::vector<uint32_t> stretch(const std::vector<uint32_t>& path, uint64_t from, uint64_t to) {
    return {path.begin() + static_cast<ptrdiff_t>(from), path.begin() + static_cast<ptrdiff_t>(to)};
}

}  // namespace

TEST_CASE("a part of a random recording replays, and so does a part of the part") {
    const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{81}));
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    RandomDevices devices(random());
    const std::string program = random_program(random);
    INFO("program " << program);
    const Outcome whole = record(directory.file("whole"), program, devices, 1 + random() % 3000,
                                 1 + random() % 9, 1 + random() % 500);
    std::string file = directory.file("whole");
    std::vector<uint32_t> path = whole.path;
    for (const char* part : {"part", "part of the part", "part of that"}) {
        const uint64_t length = length_of(file);
        REQUIRE(path.size() == length);
        const uint64_t from = random() % (length + 1);
        const uint64_t to = from + random() % (length - from + 1);
        INFO(part << " " << from << ":" << to << " of " << length);
        const bool to_the_end = random() % 4 == 0;
        const Outcome at_end =
            cut(file, directory.file(part), from, to_the_end ? std::nullopt : std::optional(to),
                static_cast<unsigned>(1 + random() % 9));
        file = directory.file(part);
        path = stretch(path, from, to_the_end ? length : to);
        CHECK(at_end.path == path);
        CHECK(length_of(file) == path.size());
        check_same(at_end, replay(file, static_cast<unsigned>(1 + random() % 9)));
    }
}

TEST_CASE("what a part cannot be is said") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    record(directory.file("a"), "apt", devices, 100);
    const uint64_t length = length_of(directory.file("a"));
    CHECK_THROWS_AS(cut(directory.file("a"), directory.file("b"), length + 1, std::nullopt, 5), Error);
    CHECK_THROWS_AS(cut(directory.file("a"), directory.file("b"), 0, length + 1, 5), Error);
    CHECK_NOTHROW(cut(directory.file("a"), directory.file("b"), length, length, 5));
    CHECK(length_of(directory.file("b")) == 0);
    CHECK_THROWS_AS(cut(directory.file("a"), directory.file("b"), 1, 2, 5), FileError);  // is there already
}
