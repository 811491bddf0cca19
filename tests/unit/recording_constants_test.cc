// Constants: device writes whose bytes are in a file that the machine was given.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "recorder/format/constants.h"
#include "tests/unit/recording_helpers.h"

using namespace panda;
using namespace panda::recording;
using namespace panda::recording::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

std::span<const std::byte> piece(const Bytes& bytes, size_t at, size_t size) {
    return std::span(bytes).subspan(at, size);
}

// A recording with two constants and these device writes, one every thousand instructions.
void write_recording(const std::string& path, const std::vector<Bytes>& constants,
                     const std::vector<Bytes>& writes) {
    RecordingWriter writer(path, sample_facts, sample_blocks);
    writer.write_processor(Bytes(10));
    writer.write_map(sample_map);
    for (const Bytes& constant : constants)
        writer.write_constant("file", constant);
    writer.begin_log();
    Position position;
    for (const Bytes& write : writes)
        writer.append(EntryKind::memory_write, position = {position.instr + 1000, 0}, 0, 4096, write);
    writer.finish({position.instr + 1, 0}, sample_hashes);
}

// The writes of a recording, those split by the writer joined again.
std::vector<Bytes> read_writes(const std::string& path) {
    const RecordingReader reader(path);
    std::vector<Bytes> writes;
    Position last;
    LogCursor log = reader.log();
    for (const Entry* entry = log.peek(); entry->kind == EntryKind::memory_write; entry = log.peek()) {
        if (entry->position != last)
            writes.emplace_back();
        last = entry->position;
        writes.back().insert(writes.back().end(), entry->data.begin(), entry->data.end());
        log.pop();
    }
    return writes;
}

}  // namespace

TEST_CASE("a pool finds what begins at a multiple of 512 and is long enough") {
    const Bytes kernel = random_bytes(20000, 1);
    const Bytes initrd = random_bytes(30001, 2);
    ConstantPool pool;
    CHECK_FALSE(pool.find(kernel));
    pool.add("kernel", kernel);
    pool.add("initrd", initrd);
    CHECK(pool.find(kernel) == 0);
    CHECK(pool.find(piece(kernel, 512 * 7, 5000)) == 512 * 7);
    CHECK(pool.find(initrd) == 20000);
    CHECK(pool.find(piece(initrd, 512, 30001 - 512)) == 20512);
    CHECK(pool.find(piece(kernel, 512, 4096)) == 512);
    CHECK_FALSE(pool.find(piece(kernel, 512, 4095)));
    CHECK_FALSE(pool.find(piece(kernel, 100, 5000)));

    Bytes changed(kernel);
    changed.back() ^= std::byte{1};
    CHECK_FALSE(pool.find(changed));
    Bytes longer(initrd);
    longer.push_back({});
    CHECK_FALSE(pool.find(longer));
}

TEST_CASE("constants take no room in the log and read back as they were written") {
    const TemporaryDirectory directory;
    const Bytes kernel = random_bytes(3 << 20, 3);
    const Bytes initrd = random_bytes(700001, 4);
    Bytes almost(kernel);
    almost[(2 << 20) + 5] ^= std::byte{1};
    const auto tail = piece(kernel, 512 * 37, kernel.size() - 512 * 37);
    const std::vector<Bytes> writes = {Bytes(tail.begin(), tail.end()), initrd, random_bytes(5000, 5),
                                       almost};
    write_recording(directory.file("a"), {kernel, initrd}, writes);
    CHECK(read_writes(directory.file("a")) == writes);

    const RecordingReader reader(directory.file("a"));
    REQUIRE(reader.constants().size() == 2);
    CHECK(reader.constants()[1].size == initrd.size());
    // 5000 random bytes, and the one MiB of `almost` that differs.
    CHECK(reader.statistics().log.stored_bytes < (1 << 20) + 6000);
    CHECK(reader.statistics().constants.raw_bytes >= kernel.size() + initrd.size());
}

TEST_CASE("a log whose every chunk refers to constants is read chunk by chunk") {
    const TemporaryDirectory directory;
    const Bytes file = random_bytes(100000, 6);
    {
        RecordingWriter writer(directory.file("a"), sample_facts, sample_blocks);
        writer.write_processor({});
        writer.write_map(sample_map);
        writer.write_constant("file", file);
        writer.begin_log();
        for (uint64_t i = 0; i < 100; ++i) {
            writer.append(EntryKind::memory_write, {i, 0}, 0, 0, piece(file, 512 * i, 8000));
            writer.flush();
        }
        // Cut short: no end, no trailer.
    }
    const RecordingReader reader(directory.file("a"));
    CHECK_FALSE(reader.complete());
    LogCursor moved = reader.log();
    LogCursor log = std::move(moved);
    for (uint64_t i = 0; i < 100; ++i, log.pop()) {
        REQUIRE(log.peek() != nullptr);
        REQUIRE(std::ranges::equal(log.peek()->data, piece(file, 512 * i, 8000)));
    }
    CHECK(log.peek() == nullptr);
}

TEST_CASE("what the format does not hold is refused") {
    const TemporaryDirectory directory;
    RecordingWriter writer(directory.file("a"), sample_facts, sample_blocks);
    CHECK_THROWS_WITH(writer.write_constant("file", Bytes(maximum_constants + 1)),
                      ContainsSubstring("128 MiB"));
    writer.write_processor({});
    writer.write_map(sample_map);
    writer.begin_log();
    CHECK_THROWS_WITH(writer.write_constant("file", Bytes(1)), ContainsSubstring("snapshot is complete"));
}
