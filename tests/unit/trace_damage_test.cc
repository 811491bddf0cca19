// Damaged traces: cut anywhere, or with any bit flipped.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "tests/unit/effort.h"
#include "tests/unit/trace_generator.h"
#include "trace/format/message_source.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Content {
    std::vector<Happening> happenings;
    size_t snapshots = 0;
    std::vector<Bytes> memory;  // at the last whole snapshot
    bool whole = false;
};

// Everything that a trace says, memory included.
Content read_all(const std::string& path) {
    Content content;
    TraceReader reader(path);
    ChunkCursor cursor(reader.blocks());
    GuestMemory memory(reader.header());
    while (const auto item = reader.next()) {
        if (const auto* chunk = std::get_if<Chunk>(&*item)) {
            collect(cursor, *chunk, content.happenings);
            continue;
        }
        memory.apply(std::get<Snapshot>(*item));
        content.memory.clear();
        for (uint32_t block = 0; block < reader.header().memory_blocks.size(); ++block) {
            auto& bytes = content.memory.emplace_back(reader.header().memory_blocks[block].size);
            memory.read_block(block, 0, bytes);
        }
        ++content.snapshots;
    }
    content.whole = reader.whole();
    return content;
}

bool begins_with(const std::vector<Happening>& all, const std::vector<Happening>& part) {
    return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin());
}

std::set<uint64_t> message_boundaries(const std::string& path) {
    std::set<uint64_t> boundaries;
    MappedSource source(path);
    while (const auto frame = source.next())
        boundaries.insert(frame->offset + frame->bytes.size());
    return boundaries;
}

struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 200;
        model = Generator(12).write(file.path(), options, 40);
        bytes = read_file(file.path());
        content = read_all(file.path());
    }
    TemporaryFile file;
    Model model;
    Bytes bytes;
    Content content;
};

TEST_CASE("a trace cut anywhere is read up to its last whole message, and says that it was cut") {
    const Sample sample;
    REQUIRE(sample.content.happenings == sample.model.happenings);
    const auto boundaries = message_boundaries(sample.file.path());
    std::set<uint64_t> sizes;
    for (const uint64_t boundary : boundaries) {
        for (const int64_t shift : {-17, -8, -1, 0, 1, 7, 8, 9, 40})
            sizes.insert(boundary + static_cast<uint64_t>(shift));
    }
    const uint64_t header_end = *boundaries.begin();
    const TemporaryFile cut;
    size_t longest = 0;
    for (const uint64_t size : sizes) {
        if (size >= sample.bytes.size())
            continue;
        CAPTURE(size);
        write_file(cut.path(), std::span(sample.bytes).first(size));
        if (size < header_end) {
            CHECK_THROWS_AS(read_all(cut.path()), FileError);
            continue;
        }
        const Content content = read_all(cut.path());
        CHECK_FALSE(content.whole);
        CHECK(begins_with(sample.content.happenings, content.happenings));
        CHECK(content.snapshots <= sample.content.snapshots);
        CHECK(content.happenings.size() >= longest);
        longest = content.happenings.size();
        TraceReader reader(cut.path());
        CHECK_FALSE(reader.has_index());
        CHECK_FALSE(reader.whole());
        CHECK_THROWS_AS(reader.require_whole(), FileError);
        const size_t snapshots = reader.contents().snapshots.size();
        CHECK(snapshots == content.snapshots);
        if (snapshots > 0)
            CHECK_NOTHROW(reader.memory_at(snapshots - 1));
    }
    CHECK(longest == sample.content.happenings.size());
}

TEST_CASE("a flipped bit is found, or does not matter") {
    const Sample sample;
    const TemporaryFile damaged_file;
    size_t found = 0;
    size_t harmless = 0;
    // A prime step, so that all bits of a byte and all places in a message get their turn.
    constexpr uint64_t step = effort_divisor == 1 ? 211 : 839;
    for (uint64_t bit = 0; bit < 8 * sample.bytes.size(); bit += step) {
        CAPTURE(bit);
        Bytes damaged = sample.bytes;
        damaged[bit / 8] ^= std::byte{1} << (bit % 8);
        write_file(damaged_file.path(), damaged);
        try {
            const Content content = read_all(damaged_file.path());
            // A length that reaches beyond the file's end looks like a cut, and padding bytes mean nothing.
            CHECK(begins_with(sample.content.happenings, content.happenings));
            if (content.whole) {
                CHECK(content.happenings == sample.content.happenings);
                CHECK(content.memory == sample.content.memory);
            }
            ++harmless;
        } catch (const FileError& error) {
            CHECK(std::string(error.what()).find(damaged_file.path()) == 0);
            ++found;
        }
    }
    // Nearly all of a trace is under a checksum.
    CHECK(found > 50 * harmless);
}

TEST_CASE("what is not a trace is refused in one sentence") {
    const TemporaryFile file;
    const auto refuses = [&](std::string_view text) {
        write_file(file.path(), std::as_bytes(std::span(text.data(), text.size())));
        CHECK_THROWS_AS(TraceReader(file.path()), FileError);
    };
    refuses("");
    refuses("x");
    refuses("just some text that is not a trace at all");
    refuses(std::string(4096, '\0'));
    refuses(std::string(4096, '\xff'));
    CHECK_THROWS_AS(TraceReader("/nonexistent/trace"), FileError);
    CHECK_THROWS_AS(TraceReader("/"), FileError);
}

TEST_CASE("a trace of a newer version is refused") {
    const TemporaryFile file;
    MessageDraft draft(100);
    auto header = draft.root().initHeader();
    header.setMagic(0x63727461646e6170);
    header.setVersion(3);
    write_file(file.path(), draft.finish());
    try {
        TraceReader reader(file.path());
        FAIL("it was read");
    } catch (const FileError& error) {
        CHECK(std::string(error.what()).find("version 3") != std::string::npos);
    }
}

TEST_CASE("a message whose checksum is right and whose content is not") {
    const Sample sample;
    const TemporaryFile file;
    const uint64_t header_end = *message_boundaries(sample.file.path()).begin();
    const auto try_message = [&](MessageDraft& draft) {
        Bytes bytes(sample.bytes.begin(), sample.bytes.begin() + static_cast<ptrdiff_t>(header_end));
        const Bytes message = draft.finish();
        bytes.insert(bytes.end(), message.begin(), message.end());
        write_file(file.path(), bytes);
        CHECK_THROWS_AS(read_all(file.path()), FileError);
    };
    SECTION("a chunk that needs blocks that are not there") {
        MessageDraft draft(100);
        auto chunk = draft.root().initChunk();
        chunk.setBlockCount(1);
        chunk.setDefinitionCount(1000);
        try_message(draft);
    }
    SECTION("a chunk of absurd size") {
        MessageDraft draft(100);
        draft.root().initChunk().setBlockCount(~0u);
        try_message(draft);
    }
    SECTION("a column that decompresses to more than it may") {
        MessageDraft draft(4096);
        auto chunk = draft.root().initChunk();
        chunk.setBlockCount(1);
        const Bytes zeros(1 << 20);
        const std::array columns = {
            encode_column(schema::ColumnId::BLOCKS, schema::Coding::SUCCESSORS, 1, zeros, 3)};
        draft.put_columns(chunk.initColumns(1), columns);
        try_message(draft);
    }
    SECTION("a snapshot inside a snapshot") {
        MessageDraft draft(100);
        draft.root().initPages();
        try_message(draft);
    }
    SECTION("a memory map that leads outside of its block") {
        MessageDraft draft(200);
        auto map = draft.root().initMemoryMap();
        auto range = map.initRanges(1)[0];
        range.setSize(65 * page_size);
        try_message(draft);
    }
    SECTION("definitions with a hole before them") {
        MessageDraft draft(100);
        auto definitions = draft.root().initDefinitions();
        definitions.setFirstId(7);
        definitions.setCount(1);
        try_message(draft);
    }
}

TEST_CASE("a changed snapshot needs the one before it") {
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", page_size}};
    Bytes ram(page_size);
    {
        TraceWriter writer(file.path(), header);
        for (int i = 0; i < 3; ++i) {
            ram[0] = static_cast<std::byte>(i);
            writer.snapshot(
                {}, [&](uint32_t) { return std::span<const std::byte>(ram); }, SnapshotKind::changed);
        }
        writer.finish();
    }
    TraceReader reader(file.path());
    GuestMemory memory(reader.header());
    memory.apply(reader.snapshot(0));
    CHECK_THROWS_AS(memory.apply(reader.snapshot(2)), Error);
    memory.apply(reader.snapshot(1));
    memory.apply(reader.snapshot(2));
    Bytes byte(1);
    REQUIRE(memory.read_block(0, 0, byte));
    CHECK(byte[0] == std::byte{2});
    CHECK(reader.snapshot(0).kind == SnapshotKind::full);
    CHECK(reader.snapshot(0).page_count == 0);
}

}  // namespace
