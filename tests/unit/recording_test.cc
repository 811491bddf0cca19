// What was written into a recording is read back, and the writer refuses what it must.
#include <sys/resource.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>

#include "tests/unit/recording_helpers.h"

using namespace panda;
using namespace panda::recording;
using namespace panda::recording::test;
using Catch::Matchers::ContainsSubstring;

namespace {

void check_same(const Entry& read, const Entry& written) {
    REQUIRE(read.kind == written.kind);
    REQUIRE(read.position == written.position);
    REQUIRE(read.value == written.value);
    REQUIRE(read.value2 == written.value2);
    REQUIRE(read.data == written.data);
    REQUIRE(read.map == written.map);
    REQUIRE(read.device == written.device);
}

void check_log(const RecordingReader& reader, const std::vector<Entry>& entries) {
    LogCursor log = reader.log();
    for (const Entry& entry : entries) {
        const Entry* read = log.peek();
        REQUIRE(read != nullptr);
        check_same(*read, entry);
        log.pop();
    }
    if (reader.complete()) {
        REQUIRE(log.peek() != nullptr);
        REQUIRE(log.peek()->kind == EntryKind::end);
        log.pop();
    }
    REQUIRE(log.peek() == nullptr);
    REQUIRE(log.peek() == nullptr);
}

}  // namespace

TEST_CASE("a recording gives back all that was written") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("whole.panda");
    const auto entries = sample_entries(30000, 4);
    write_sample(path, entries, 7);

    const RecordingReader reader(path);
    CHECK(reader.facts() == sample_facts);
    CHECK(reader.fact("machine") == "pc");
    CHECK(reader.fact("no such").empty());
    REQUIRE(reader.blocks().size() == 2);
    CHECK(reader.blocks()[1].name == "pc.bios");
    CHECK(reader.blocks()[1].size == 256 << 10);
    CHECK(reader.processor() == random_bytes(5000, 3));
    CHECK(reader.initial_maps() == std::vector{sample_map, sample_smm_map});
    CHECK(reader.devices() == sample_devices);
    CHECK(reader.complete());
    CHECK(reader.memory_hashes() == sample_hashes);
    CHECK(reader.last_position() == Position{entries.back().position.instr + 1, 0});
    check_log(reader, entries);
}

TEST_CASE("the snapshot leaves out zero pages and keeps all others") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("memory.panda");
    write_sample(path, sample_entries(10, 5), 1);

    const RecordingReader reader(path);
    SampleMemory read;
    read.ram.assign(read.ram.size(), std::byte{0});
    read.bios.assign(read.bios.size(), std::byte{0});
    uint64_t total = 0;
    reader.read_memory([&](uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        std::ranges::copy(bytes, (block == 0 ? read.ram : read.bios).begin() + static_cast<int64_t>(offset));
        total += bytes.size();
    });
    const SampleMemory written;
    CHECK(read.ram == written.ram);
    CHECK(read.bios == written.bios);
    CHECK(total == (3 << 20) + page_size + (256 << 10));
}

TEST_CASE("statistics agree between writer, reader and a recording cut short") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("statistics.panda");
    const auto entries = sample_entries(5000, 6);
    RecordingWriter writer(path, sample_facts, sample_blocks);
    write_sample_snapshot(writer);
    for (const Entry& entry : entries)
        append_entry(writer, entry);
    CHECK(writer.pending_bytes() >= 4 * entries.size());
    writer.flush();
    CHECK(writer.pending_bytes() == 0);
    writer.finish(entries.back().position, sample_hashes);

    const Statistics written = writer.statistics();
    const Statistics read = RecordingReader(path).statistics();
    CHECK(written.entries() == entries.size() + 1);
    Bytes file = read_file(path);
    file.pop_back();
    write_file(path, file);
    const RecordingReader cut(path);
    REQUIRE_FALSE(cut.complete());
    const Statistics counted = cut.statistics();
    for (unsigned kind = 0; kind < entry_kinds; ++kind) {
        CHECK(written.kinds[kind].entries == read.kinds[kind].entries);
        CHECK(written.kinds[kind].bytes == read.kinds[kind].bytes);
        CHECK(written.kinds[kind].entries == counted.kinds[kind].entries);
        CHECK(written.kinds[kind].bytes == counted.kinds[kind].bytes);
    }
    REQUIRE(written.devices.size() == sample_devices.size());  // the last one is idle
    CHECK(written.devices[1].writes > 100);
    CHECK(written.devices == read.devices);
    CHECK(written.devices == counted.devices);
    CHECK(written.log.stored_bytes == read.log.stored_bytes);
    CHECK(written.log.chunks == 2);
    CHECK(written.snapshot.stored_bytes == read.snapshot.stored_bytes);
}

TEST_CASE("only devices that are listed write") {
    const TemporaryDirectory directory;
    RecordingWriter writer(directory.file("devices.panda"), sample_facts, sample_blocks);
    write_sample_snapshot(writer);
    CHECK_THROWS_WITH(writer.append(EntryKind::memory_write, {}, 0, 0, Bytes(1), 4),
                      ContainsSubstring("does not list"));
    CHECK_THROWS_WITH(writer.append(EntryKind::wake, {}, 0, 0, {}, 1), ContainsSubstring("does not list"));
    LogBatch batch(1, 1);
    batch.add(EntryKind::memory_write, {}, 0, 0, Bytes(1), 4);
    LogDecoder decoder(encode_log(batch).raw, sample_blocks, {}, sample_devices.size());
    Entry entry;
    CHECK_THROWS_WITH(decoder.next(entry), ContainsSubstring("not listed"));
    Bytes devices = encode_devices(sample_devices);
    CHECK(decode_devices(devices) == sample_devices);
    devices.back() = static_cast<std::byte>(device_kinds);
    CHECK_THROWS_WITH(decode_devices(devices), ContainsSubstring("unknown kind"));
}

TEST_CASE("a device write longer than an entry becomes several") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("dma.panda");
    const Bytes data = random_bytes(5 * maximum_entry_data / 2, 7);
    RecordingWriter writer(path, sample_facts, sample_blocks);
    write_sample_snapshot(writer);
    writer.append(EntryKind::memory_write, {10, 0}, 0, 4096, data);
    writer.finish({10, 0}, sample_hashes);

    const RecordingReader reader(path);
    LogCursor log = reader.log();
    Bytes read;
    for (; log.peek()->kind == EntryKind::memory_write; log.pop()) {
        CHECK(log.peek()->value2 == 4096 + read.size());
        read.insert(read.end(), log.peek()->data.begin(), log.peek()->data.end());
    }
    CHECK(read == data);
}

TEST_CASE("a chunk ends by itself when the caller does not flush") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("long.panda");
    RecordingWriter writer(path, sample_facts, sample_blocks);
    write_sample_snapshot(writer);
    for (uint64_t i = 0; i < 1500000; ++i)
        writer.append(EntryKind::port_read, {i, 0}, 0x60);
    writer.finish({1500000, 0}, sample_hashes);
    CHECK(writer.statistics().log.chunks >= 3);
    CHECK(RecordingReader(path).statistics().of(EntryKind::port_read).entries == 1500000);
}

TEST_CASE("a recording without finish() keeps what was flushed") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("abandoned.panda");
    auto entries = sample_entries(1000, 8);
    {
        RecordingWriter writer(path, sample_facts, sample_blocks);
        write_sample_snapshot(writer);
        for (size_t i = 0; i < entries.size(); ++i) {
            append_entry(writer, entries[i]);
            if (i == 599)
                writer.flush();
        }
    }
    const RecordingReader reader(path);
    CHECK_FALSE(reader.complete());
    CHECK(reader.memory_hashes().empty());
    CHECK(reader.last_position() == entries[599].position);
    entries.resize(600);
    check_log(reader, entries);
}

TEST_CASE("a recording that holds only a snapshot opens") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("snapshot.panda");
    {
        RecordingWriter writer(path, sample_facts, sample_blocks);
        write_sample_snapshot(writer);
    }
    const RecordingReader reader(path);
    CHECK_FALSE(reader.complete());
    CHECK(reader.last_position() == Position{});
    LogCursor log = reader.log();
    CHECK(log.peek() == nullptr);
}

TEST_CASE("an existing file is only overwritten when asked for") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("twice.panda");
    const auto entries = sample_entries(10, 9);
    write_sample(path, entries, 1);
    const Bytes before = read_file(path);
    CHECK_THROWS_WITH(RecordingWriter(path, sample_facts, sample_blocks),
                      ContainsSubstring("already exists"));
    CHECK(read_file(path) == before);
    {
        const RecordingWriter writer(path, {}, sample_blocks, {.if_exists = IfExists::overwrite});
    }
    CHECK(read_file(path) != before);
}

TEST_CASE("the writer refuses what the format does not hold") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("refused.panda");
    RecordingWriter writer(path, sample_facts, sample_blocks);
    const Bytes page(page_size);
    CHECK_THROWS_WITH(writer.begin_log(), ContainsSubstring("without processor state"));
    CHECK_THROWS_WITH(writer.append(EntryKind::wake, {}), ContainsSubstring("not open"));
    CHECK_THROWS_WITH(writer.write_memory(2, 0, page), ContainsSubstring("outside the memory blocks"));
    CHECK_THROWS_WITH(writer.write_memory(1, 256 << 10, page),
                      ContainsSubstring("outside the memory blocks"));
    CHECK_THROWS_WITH(writer.write_memory(1, 1, std::span(page).first(8)),
                      ContainsSubstring("parts of pages"));
    CHECK_THROWS_WITH(writer.write_map({0, {{0, 1 << 30, 0, 0, RangeKind::ram}}}),
                      ContainsSubstring("outside the blocks"));
    CHECK_THROWS_WITH(
        writer.write_map({2, {{0, 8192, 0, 0, RangeKind::ram}, {4096, 4096, 0, 0, RangeKind::ram}}}),
        ContainsSubstring("overlap"));
    write_sample_snapshot(
        *std::make_unique<RecordingWriter>(directory.file("x"), sample_facts, sample_blocks));
    CHECK_THROWS_WITH(writer.write_processor(Bytes(maximum_entry_data + 1)), ContainsSubstring("too large"));

    RecordingWriter open(directory.file("open.panda"), sample_facts, sample_blocks);
    write_sample_snapshot(open);
    open.append(EntryKind::wake, {100, 2});
    CHECK_THROWS_WITH(open.append(EntryKind::wake, {99, 0}), ContainsSubstring("has reached 100"));
    CHECK_THROWS_WITH(open.append(EntryKind::wake, {100, 1}), ContainsSubstring("has reached 100"));
    CHECK_THROWS_WITH(open.append(EntryKind::reset, {100, 2}, 0, 0, Bytes(maximum_entry_data + 1)),
                      ContainsSubstring("too large"));
    CHECK_THROWS_WITH(open.append(EntryKind::memory_write, {100, 2}, 1, 256 << 10, page),
                      ContainsSubstring("outside the memory blocks"));
    CHECK_THROWS_WITH(open.finish({100, 2}, {}), ContainsSubstring("memory hashes"));
    CHECK_THROWS_WITH(open.begin_log(), ContainsSubstring("twice"));

    Facts many;
    for (unsigned i = 0; i <= maximum_facts; ++i)
        many["fact " + std::to_string(i)] = "";
    CHECK_THROWS_WITH(RecordingWriter(directory.file("many"), many, sample_blocks),
                      ContainsSubstring("1001 facts"));
    CHECK_THROWS_WITH(RecordingWriter(directory.file("odd"), {}, {{"ram", 4097}}),
                      ContainsSubstring("4097 bytes"));
    CHECK_THROWS_WITH(RecordingWriter(directory.file("big"), {}, {{"ram", maximum_memory}, {"x", 4096}}),
                      ContainsSubstring("impossible size"));
}

TEST_CASE("a full disk is reported by every later call, and what was written stays usable") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("full.panda");
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit unlimited;
    ::getrlimit(RLIMIT_FSIZE, &unlimited);
    const struct rlimit limited = {8 << 20, unlimited.rlim_max};
    uint64_t written = 0;
    {
        RecordingWriter writer(path, sample_facts, sample_blocks);
        write_sample_snapshot(writer);
        ::setrlimit(RLIMIT_FSIZE, &limited);
        const auto fill = [&] {
            for (;; ++written) {
                writer.append(EntryKind::memory_write, {written, 0}, 0, 0, random_bytes(100000, written));
                writer.flush();
            }
        };
        CHECK_THROWS_WITH(fill(), ContainsSubstring("full.panda: cannot write"));
        ::setrlimit(RLIMIT_FSIZE, &unlimited);
        writer.append(EntryKind::wake, {written, 0});
        CHECK_THROWS_AS(writer.flush(), FileError);
        CHECK_THROWS_WITH(writer.finish({written, 0}, sample_hashes), ContainsSubstring("cannot write"));
    }
    std::signal(SIGXFSZ, before);
    const RecordingReader reader(path);
    CHECK_FALSE(reader.complete());
    uint64_t entries = 0;
    LogCursor log = reader.log();
    for (; log.peek() != nullptr; log.pop())
        ++entries;
    CHECK(entries > 30);
    CHECK(entries <= written + 1);
}
