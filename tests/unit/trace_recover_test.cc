// Traces that were cut short or damaged, made whole again.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/trace_generator.h"
#include "trace/edit/recover.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Found {
    std::vector<Happening> happenings;
    size_t snapshots = 0;
    uint64_t end_instr = 0;
    std::string flaw;
};

Found read_through(const std::string& path) {
    Found found;
    TraceReader reader(path);
    ChunkCursor cursor(reader.blocks());
    while (const auto item = reader.next()) {
        if (const auto* chunk = std::get_if<Chunk>(&*item))
            collect(cursor, *chunk, found.happenings);
        else
            ++found.snapshots;
    }
    found.flaw = reader.flaw();
    found.end_instr = reader.end_instr();
    return found;
}

struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 128;
        model = Generator(33).write(file.path(), options, 120);
        bytes = read_file(file.path());
    }
    TemporaryFile file;
    TemporaryFile damaged;
    TemporaryFile recovered;
    Model model;
    Bytes bytes;
};

TEST_CASE("a whole trace recovers to the same trace") {
    const Sample sample;
    const Recovery recovery = recover(sample.file.path(), sample.recovered.path(), IfExists::refuse);
    CHECK(recovery.flaw.empty());
    CHECK(recovery.end_instr == sample.model.end_instr);
    CHECK(read_file(sample.recovered.path()) == sample.bytes);
}

TEST_CASE("a trace cut short anywhere recovers all that can be read of it, with an index") {
    const Sample sample;
    std::mt19937_64 random(1);
    uint64_t header_size = 0;  // 8 bytes of framing, then words
    std::memcpy(&header_size, sample.bytes.data() + 4, 4);
    header_size = 8 + 8 * header_size;
    for (int i = 0; i < 100; ++i) {
        const size_t size =
            i == 0 ? header_size : header_size + random() % (sample.bytes.size() - header_size);
        write_file(sample.damaged.path(), std::span(sample.bytes).first(size));
        const Recovery recovery =
            recover(sample.damaged.path(), sample.recovered.path(), IfExists::overwrite);
        CHECK_FALSE(recovery.flaw.empty());
        const Found before = read_through(sample.damaged.path());
        const Found after = read_through(sample.recovered.path());
        CHECK(after.flaw.empty());
        CHECK(TraceReader(sample.recovered.path()).has_index());
        CHECK(after.happenings == before.happenings);
        CHECK(after.snapshots == before.snapshots);
        CHECK(after.snapshots == recovery.snapshots);
        CHECK(after.end_instr == recovery.end_instr);
    }
}

TEST_CASE("what follows damage is left out, and the rest is whole") {
    const Sample sample;
    std::mt19937_64 random(2);
    size_t shortened = 0;
    for (int i = 0; i < 200; ++i) {
        Bytes bytes = sample.bytes;
        bytes[512 + random() % (bytes.size() - 512)] ^= static_cast<std::byte>(1 << random() % 8);
        write_file(sample.damaged.path(), bytes);
        const Recovery recovery =
            recover(sample.damaged.path(), sample.recovered.path(), IfExists::overwrite);
        const Found found = read_through(sample.recovered.path());
        CHECK(found.flaw.empty());
        REQUIRE(found.happenings.size() <= sample.model.happenings.size());
        CHECK(std::equal(found.happenings.begin(), found.happenings.end(), sample.model.happenings.begin()));
        shortened += found.happenings.size() < sample.model.happenings.size();
        if (found.happenings.size() < sample.model.happenings.size())
            CHECK_FALSE(recovery.flaw.empty());
    }
    CHECK(shortened > 20);
}

TEST_CASE("without a header there is nothing to recover") {
    const Sample sample;
    write_file(sample.damaged.path(), std::span(sample.bytes).first(40));
    CHECK_THROWS_AS(recover(sample.damaged.path(), sample.recovered.path(), IfExists::refuse), FileError);
    write_file(sample.damaged.path(), {});
    CHECK_THROWS_AS(recover(sample.damaged.path(), sample.recovered.path(), IfExists::refuse), FileError);
}

TEST_CASE("an existing file is not overwritten unless asked") {
    const Sample sample;
    write_file(sample.recovered.path(), sample.bytes);
    CHECK_THROWS_AS(recover(sample.file.path(), sample.recovered.path(), IfExists::refuse), FileError);
}

}  // namespace
