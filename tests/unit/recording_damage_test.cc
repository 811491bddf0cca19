// Recordings that were cut, damaged or made up are read as far as they are whole, or refused with one plain
// sentence.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "common/checksum.h"
#include "tests/unit/recording_helpers.h"

using namespace panda;
using namespace panda::recording;
using namespace panda::recording::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;

namespace {

// Reads everything. Returns the number of entries.
uint64_t read_all(const std::string& path) {
    const RecordingReader reader(path);
    reader.read_memory([](uint32_t, uint64_t, std::span<const std::byte>) {});
    uint64_t entries = 0;
    LogCursor log = reader.log();
    for (; log.peek() != nullptr; log.pop())
        ++entries;
    return entries;
}

// The error when the file is read; "" if there is none.
std::string complaint(const std::string& path) {
    try {
        read_all(path);
        return "";
    } catch (const FileError& error) {
        return error.what();
    }
}

std::string complaint_about(const std::string& path, std::span<const std::byte> bytes) {
    write_file(path, bytes);
    return complaint(path);
}

struct RawChunk {
    ChunkType type;
    Bytes raw;
};

// A file in which all checksums are right, whatever its chunks say.
Bytes build_file(const std::vector<RawChunk>& chunks) {
    const auto header = encode_file_header();
    Bytes file(header.begin(), header.end());
    uint32_t number = 0;
    for (const RawChunk& chunk : chunks)
        append_chunk(file, chunk.type, number++, chunk.raw);
    return file;
}

std::vector<RawChunk> snapshot_chunks() {
    return {{ChunkType::facts, encode_facts(sample_facts)},
            {ChunkType::blocks, encode_blocks(sample_blocks)},
            {ChunkType::processor, Bytes(10)},
            {ChunkType::map, encode_map(sample_map, sample_blocks)},
            {ChunkType::snapshot_end, {}}};
}

Bytes log_chunk(EntryKind kind, Position position, uint64_t value = 0, uint64_t value2 = 0,
                const Bytes& data = {}) {
    LogBatch batch(1, 1);
    batch.add(kind, position, value, value2, data);
    return encode_log(batch).raw;
}

Bytes trailer_chunk(Position end) {
    return encode_trailer({end, {}, sample_hashes});
}

}  // namespace

TEST_CASE("a file that is not a recording is refused, and the message says why") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("file");
    const auto about = [&](std::string_view text) {
        return complaint_about(path, std::as_bytes(std::span(text.data(), text.size())));
    };
    CHECK_THAT(complaint(directory.file("missing")), ContainsSubstring("cannot open"));
    CHECK_THAT(about(""), EndsWith("file: the file is empty"));
    CHECK_THAT(about("hello, world\n"), EndsWith("file: not a recording"));
    CHECK_THAT(about("PANDAREC\1"), ContainsSubstring("truncated"));

    Bytes newer = build_file(snapshot_chunks());
    newer[8] = std::byte{9};
    CHECK_THAT(complaint_about(path, newer), ContainsSubstring("header is damaged"));
    const uint64_t sum = checksum(std::span(newer).first(16));
    std::ranges::copy(std::as_bytes(std::span(&sum, 1)), newer.begin() + 16);
    CHECK_THAT(complaint_about(path, newer), ContainsSubstring("format version 9, which is newer"));
}

TEST_CASE("a recording cut anywhere opens up to its last whole chunk, or says why not") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("cut.panda");
    const auto entries = sample_entries(2000, 10);
    write_sample(path, entries, 20);
    const Bytes whole = read_file(path);
    const RecordingReader reader(path);
    const auto& chunks = reader.container().chunks();
    uint64_t snapshot_end = 0;
    for (const ChunkPlace& chunk : chunks)
        if (chunk.header.type == ChunkType::snapshot_end)
            snapshot_end = chunk.offset + chunk_header_size + chunk.header.stored_size;
    REQUIRE(snapshot_end > 0);

    const std::string cut = directory.file("cut");
    const auto check_cut = [&](uint64_t size) {
        CAPTURE(size);
        const std::string reason = complaint_about(cut, std::span(whole).first(size));
        if (size < snapshot_end) {
            CHECK_THAT(reason,
                       ContainsSubstring(size == 0                 ? "is empty"
                                         : size < file_header_size ? "truncated"
                                                                   : "before its snapshot was complete"));
            return;
        }
        REQUIRE(reason.empty());
        const RecordingReader part(cut);
        CHECK_FALSE(part.complete());
        uint64_t logs = 0;
        for (const ChunkPlace& chunk : chunks)
            if (chunk.header.type == ChunkType::log)
                logs += chunk.offset + chunk_header_size + chunk.header.stored_size <= size ? 1 : 0;
        CHECK(read_all(cut) == (logs == 21 ? 2001 : logs * 100));
        CHECK(part.last_position() == (logs == 0    ? Position{}
                                       : logs == 21 ? reader.last_position()
                                                    : entries[logs * 100 - 1].position));
    };
    for (uint64_t size = 0; size < 200; ++size)
        check_cut(size);
    for (const ChunkPlace& chunk : chunks)
        for (const uint64_t size : {chunk.offset, chunk.offset + 1, chunk.offset + chunk_header_size,
                                    chunk.offset + chunk_header_size + chunk.header.stored_size - 1})
            check_cut(size);
    std::mt19937_64 random(11);
    for (int i = 0; i < 100; ++i)
        check_cut(snapshot_end + random() % (whole.size() - snapshot_end));
}

TEST_CASE("every flipped bit is found and its place named") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("flipped.panda");
    write_file(path, build_file([] {
                   auto chunks = snapshot_chunks();
                   MemoryChunkBuilder pages(0);
                   const Bytes page = random_bytes(page_size, 12);
                   pages.add(3, std::span(page).first<page_size>());
                   chunks.insert(chunks.end() - 1, {ChunkType::memory, pages.encode()});
                   chunks.push_back({ChunkType::log, log_chunk(EntryKind::check, {5, 0}, 0, 0, Bytes(8))});
                   chunks.push_back({ChunkType::log, log_chunk(EntryKind::end, {6, 0})});
                   chunks.push_back({ChunkType::trailer, trailer_chunk({6, 0})});
                   return chunks;
               }()));
    REQUIRE(read_all(path) == 2);
    Bytes bytes = read_file(path);
    const RecordingReader reader(path);
    const std::string flipped = directory.file("flipped");
    for (size_t at = 0; at < bytes.size(); ++at) {
        const auto flip = static_cast<std::byte>(1 << (at % 8));
        bytes[at] ^= flip;
        const std::string reason = complaint_about(flipped, bytes);
        bytes[at] ^= flip;
        CAPTURE(at, reason);
        REQUIRE(reason.starts_with(flipped + ": "));
        if (at < file_header_size)
            continue;
        const auto& chunks = reader.container().chunks();
        const auto after = std::ranges::upper_bound(chunks, at, {}, &ChunkPlace::offset);
        const ChunkPlace& chunk = *std::prev(after);
        REQUIRE(reason.find("chunk " + std::to_string(chunk.header.number) + " at offset " +
                            std::to_string(chunk.offset) + ": ") != std::string::npos);
    }
}

TEST_CASE("bytes after the trailer are refused") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("garbage.panda");
    write_sample(path, sample_entries(10, 13), 1);
    Bytes bytes = read_file(path);
    bytes.push_back(std::byte{0});
    CHECK_THAT(complaint_about(path, bytes), EndsWith("1 bytes follow the recording's trailer"));
}

TEST_CASE("hostile contents with right checksums are refused") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("hostile.panda");
    const auto about = [&](std::vector<RawChunk> chunks, std::initializer_list<RawChunk> more = {}) {
        chunks.insert(chunks.end(), more);
        return complaint_about(path, build_file(chunks));
    };
    const auto replaced = [](size_t place, Bytes raw) {
        auto chunks = snapshot_chunks();
        chunks[place].raw = std::move(raw);
        return chunks;
    };
    const auto varints = [](std::initializer_list<uint64_t> values) {
        ByteWriter writer;
        for (const uint64_t value : values)
            writer.put_varint(value);
        return writer.take();
    };
    REQUIRE(about(snapshot_chunks()).empty());

    SECTION("counts and sizes beyond the limits") {
        CHECK_THAT(about(replaced(0, varints({1001}))), ContainsSubstring("1001 facts"));
        CHECK_THAT(about(replaced(0, varints({900}))), ContainsSubstring("ends early"));
        CHECK_THAT(about(replaced(0, varints({1, 65537}))), ContainsSubstring("longer than 65536"));
        CHECK_THAT(about(replaced(1, varints({4097}))), ContainsSubstring("4097 memory blocks"));
        CHECK_THAT(about(replaced(1, varints({1, 0, maximum_memory * 2}))),
                   ContainsSubstring("impossible size"));
        CHECK_THAT(about(replaced(1, varints({1, 0, 0}))), ContainsSubstring("impossible size"));
        CHECK_THAT(about(replaced(3, varints({0, 65537}))), ContainsSubstring("65537 ranges"));
        CHECK_THAT(about(replaced(2, Bytes(maximum_entry_data + 1))), ContainsSubstring("claims a content"));
    }
    SECTION("maps that overlap, wrap or leave the blocks") {
        CHECK_THAT(about(replaced(3, varints({0, 1, 0, 4096, 7, 0, 0}))),
                   ContainsSubstring("outside the blocks"));
        CHECK_THAT(about(replaced(3, varints({0, 1, 0, 4096, 1, 256 << 10, 0}))),
                   ContainsSubstring("outside the blocks"));
        CHECK_THAT(about(replaced(3, varints({0, 1, UINT64_MAX, 4096, 0, 0, 0}))),
                   ContainsSubstring("overlap"));
        CHECK_THAT(about(replaced(3, varints({0, 2, 4096, 4096, 0, 0, 0, UINT64_MAX - 4095, 4096, 0, 0, 0}))),
                   ContainsSubstring("overlap"));
        CHECK_THAT(about(replaced(3, varints({0, 1, 0, 4096, 0, 0, 3}))), ContainsSubstring("unknown kind"));
        CHECK_THAT(about(replaced(3, varints({uint64_t{1} << 32, 0}))), ContainsSubstring("32 bits"));
    }
    SECTION("chunks missing or out of place") {
        auto chunks = snapshot_chunks();
        chunks.erase(chunks.begin() + 2);
        CHECK_THAT(about(chunks), ContainsSubstring("no processor chunk"));
        chunks = snapshot_chunks();
        std::swap(chunks[0], chunks[1]);
        CHECK_THAT(about(chunks), ContainsSubstring("chunk 1 at offset"));
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::snapshot_end, {}}}),
                   ContainsSubstring("out of place"));
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::memory, {}}}), ContainsSubstring("out of place"));
    }
    SECTION("pages outside their block") {
        const auto pages = [&](uint32_t block, uint32_t first, uint32_t count) {
            auto chunks = snapshot_chunks();
            ByteWriter raw;
            raw.put(first);
            raw.put(count);
            raw.put(uint32_t{1});
            raw.put(block);
            chunks.insert(chunks.end() - 1, {ChunkType::memory, raw.take()});
            return about(chunks);
        };
        CHECK_THAT(pages(2, 0, 1), ContainsSubstring("does not exist"));
        CHECK_THAT(pages(1, 64, 1), ContainsSubstring("outside their memory block"));
        CHECK_THAT(pages(1, 0, UINT32_MAX), ContainsSubstring("outside their memory block"));
        CHECK_THAT(pages(1, 0, 1), ContainsSubstring("ends early"));
    }
    SECTION("constants that are not whole, or not there") {
        ConstantPool pool;
        pool.add("kernel", sample_constant);
        LogBatch batch(1, 1);
        batch.add(EntryKind::memory_write, {}, 0, 0, std::span(sample_constant).first(8192));
        const RawChunk log = {ChunkType::log, encode_log(batch, pool).raw};
        const auto with = [&](const std::vector<RawChunk>& constants) {
            auto chunks = snapshot_chunks();
            chunks.insert(chunks.end() - 1, constants.begin(), constants.end());
            return about(chunks, {log});
        };
        const RawChunk list = {ChunkType::constants, encode_constants(pool.constants())};
        const RawChunk data = {ChunkType::constant_data, sample_constant};
        CHECK(with({list, data}).empty());
        CHECK_THAT(with({}), ContainsSubstring("bytes outside the constants"));
        CHECK_THAT(with({list}), ContainsSubstring("constants are not whole"));
        CHECK_THAT(with({data}), ContainsSubstring("holds more than the recording's constants"));
        CHECK_THAT(with({list, list, data}), ContainsSubstring("out of place"));
        CHECK_THAT(with({{ChunkType::constants, varints({1, 0, (128 << 20) + 1})}}),
                   ContainsSubstring("impossible size"));
        CHECK_THAT(with({{ChunkType::constants, varints({257})}}), ContainsSubstring("at most 256"));
    }
    SECTION("entries that refer to nothing, descend or follow the end") {
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::log, log_chunk(EntryKind::memory_write, {}, 2)}}),
                   ContainsSubstring("outside the memory blocks"));
        CHECK_THAT(
            about(snapshot_chunks(),
                  {{ChunkType::log, log_chunk(EntryKind::memory_write, {}, 1, (256 << 10) - 1, Bytes(2))}}),
            ContainsSubstring("outside the memory blocks"));
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::log, log_chunk(EntryKind::memory_map, {})}}),
                   ContainsSubstring("ends early"));
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::log, log_chunk(EntryKind::wake, {7, 1})},
                                             {ChunkType::log, log_chunk(EntryKind::wake, {7, 0})}}),
                   ContainsSubstring("chunk 6"));
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::log, log_chunk(EntryKind::end, {7, 0})},
                                             {ChunkType::log, log_chunk(EntryKind::wake, {7, 0})}}),
                   ContainsSubstring("follow the end"));
    }
    SECTION("a trailer that does not fit") {
        const RawChunk end = {ChunkType::log, log_chunk(EntryKind::end, {7, 0})};
        CHECK(about(snapshot_chunks(), {end, {ChunkType::trailer, trailer_chunk({7, 0})}}).empty());
        CHECK_THAT(about(snapshot_chunks(), {end, {ChunkType::trailer, trailer_chunk({8, 0})}}),
                   ContainsSubstring("does not end where the trailer says"));
        CHECK_THAT(about(snapshot_chunks(), {{ChunkType::trailer, trailer_chunk({})}}),
                   ContainsSubstring("does not end where the trailer says"));
        CHECK_THAT(about(snapshot_chunks(), {end, {ChunkType::trailer, encode_trailer({{7, 0}, {}, {1}})}}),
                   ContainsSubstring("memory hashes"));
    }
}

TEST_CASE("a mutated log chunk with a right checksum is refused or read, never worse") {
    const TemporaryDirectory directory;
    LogBatch batch(0, 0);
    for (const Entry& entry : sample_entries(300, 14))
        if (entry.kind != EntryKind::memory_map)
            batch.add(entry.kind, entry.position, entry.value, entry.value2, entry.data);
    const Bytes raw = encode_log(batch).raw;
    const auto entries_of = [](const Bytes& content) {
        LogDecoder decoder(content, sample_blocks);
        Entry entry;
        Position last;
        uint64_t entries = 0;
        for (; decoder.next(entry); ++entries) {
            if (entry.position < last)
                FAIL("positions descend");
            last = entry.position;
        }
        return entries;
    };
    REQUIRE(entries_of(raw) == batch.entries());
    for (size_t size = 0; size < raw.size(); ++size)
        REQUIRE_THROWS_AS(entries_of(Bytes(raw.begin(), raw.begin() + static_cast<int64_t>(size))), Error);
    uint64_t refused = 0;
    for (size_t bit = 0; bit < raw.size() * 8; ++bit) {
        Bytes mutated = raw;
        mutated[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
        uint64_t read = batch.entries();
        try {
            read = entries_of(mutated);
        } catch (const Error&) {
            ++refused;
        }
        REQUIRE(read == batch.entries());
    }
    CHECK(refused > 0);
}
