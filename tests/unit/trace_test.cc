// What is written is read back: in order and at any place, from files and from pipes, with an index and
// without.
#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <csignal>
#include <thread>

#include "tests/unit/trace_generator.h"
#include "trace/reading/index_reader.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

void check_memory(const GuestMemory& memory, const Model& model, const MachineState& state,
                  std::mt19937_64& random) {
    for (uint32_t block = 0; block < model.header.memory_blocks.size(); ++block) {
        Bytes content(model.header.memory_blocks[block].size);
        REQUIRE(memory.read_block(block, 0, content));
        CHECK(content == state.memory[block]);
        CHECK_FALSE(memory.read_block(block, 1, content));
    }
    // The first range is the same in all maps: 32 pages of block 0 from address 0.
    for (int i = 0; i < 50 && !memory.ranges().empty(); ++i) {
        const uint64_t address = random() % (32 * page_size);
        Bytes part(1 + random() % std::min<uint64_t>(3 * page_size, 32 * page_size - address));
        REQUIRE(memory.read(address, part));
        const auto expected = std::span(state.memory[0]).subspan(address, part.size());
        CHECK(std::equal(part.begin(), part.end(), expected.begin()));
    }
    Bytes outside(2);
    CHECK_FALSE(memory.read(32 * page_size - 1, outside));
    CHECK_FALSE(memory.read(~uint64_t{0}, outside));
}

void check_blocks(const BlockTable& table, const Model& model) {
    REQUIRE(table.size() == model.blocks.size());
    for (uint32_t id = 0; id < table.size(); ++id) {
        const BlockView block = table[id];
        const BlockDefinition copy{block.pc,
                                   block.cs_base,
                                   block.flags,
                                   block.physical_pc,
                                   block.physical_second_page,
                                   block.guest_size,
                                   {block.code.begin(), block.code.end()},
                                   {block.instruction_offsets.begin(), block.instruction_offsets.end()}};
        CHECK(copy == model.blocks[id]);
    }
}

void check_state(const Snapshot& snapshot, const MachineState& state) {
    CHECK(snapshot.instr == state.instr);
    CHECK(snapshot.cpu.general == state.cpu.general);
    CHECK(snapshot.cpu.rip == state.cpu.rip);
    CHECK(snapshot.cpu.cr3 == state.cpu.cr3);
    CHECK(snapshot.cpu.lstar == state.cpu.lstar);
    CHECK(snapshot.cpu.gdt.base == state.cpu.gdt.base);
    for (size_t i = 0; i < state.cpu.segments.size(); ++i)
        CHECK(snapshot.cpu.segments[i].base == state.cpu.segments[i].base);
}

// One pass in order over a reader, which may read a pipe.
void check_in_order(TraceReader& reader, const Model& model) {
    std::mt19937_64 random(1);
    std::vector<Happening> happenings;
    ChunkCursor cursor(reader.blocks());
    GuestMemory memory(reader.header());
    size_t snapshots = 0;
    while (const auto item = reader.next()) {
        if (const auto* chunk = std::get_if<Chunk>(&*item)) {
            collect(cursor, *chunk, happenings);
            continue;
        }
        REQUIRE(snapshots < model.snapshots.size());
        const auto& snapshot = std::get<Snapshot>(*item);
        check_state(snapshot, model.snapshots[snapshots]);
        memory.apply(snapshot);
        check_memory(memory, model, model.snapshots[snapshots], random);
        ++snapshots;
    }
    CHECK(snapshots == model.snapshots.size());
    CHECK(happenings == model.happenings);
    CHECK(reader.memory_maps() == model.maps);
    check_blocks(reader.blocks(), model);
    CHECK(reader.whole());
    CHECK(reader.header().facts == model.header.facts);
    CHECK(reader.header().memory_blocks == model.header.memory_blocks);
}

void check_at_any_place(TraceReader& reader, const Model& model) {
    std::mt19937_64 random(2);
    const Contents contents = reader.contents();
    CHECK(reader.end_instr() == model.end_instr);
    // Chunks from the last to the first: each opens alone.
    std::vector<std::vector<Happening>> parts(contents.chunks.size());
    ChunkCursor cursor(reader.blocks());
    for (size_t i = contents.chunks.size(); i-- > 0;)
        collect(cursor, reader.chunk(i), parts[i]);
    std::vector<Happening> happenings;
    for (auto& part : parts)
        happenings.insert(happenings.end(), part.begin(), part.end());
    CHECK(happenings == model.happenings);
    REQUIRE(contents.snapshots.size() == model.snapshots.size());
    for (size_t i = contents.snapshots.size(); i-- > 0;) {
        check_state(reader.snapshot(i), model.snapshots[i]);
        check_memory(reader.memory_at(i), model, model.snapshots[i], random);
    }
    CHECK_THROWS_AS(reader.chunk(contents.chunks.size()), FileError);
    CHECK_THROWS_AS(reader.snapshot(contents.snapshots.size()), FileError);
}

TEST_CASE("a random trace is read back as it was written") {
    const auto seed = GENERATE(range(0, 24));
    CAPTURE(seed);
    const TemporaryFile file;
    WriterOptions options;
    options.chunk_blocks = 1u << (seed % 14);
    options.queue_items = 1 + static_cast<uint32_t>(seed) % 4;
    const Model model = Generator(static_cast<uint64_t>(seed)).write(file.path(), options, 150);

    SECTION("in order") {
        TraceReader reader(file.path());
        check_in_order(reader, model);
    }
    SECTION("at any place") {
        TraceReader reader(file.path());
        CHECK(reader.has_index());
        check_at_any_place(reader, model);
    }
    SECTION("a scan finds what the index says") {
        const MappedSource source(file.path());
        const auto indexed = read_index(source);
        REQUIRE(indexed);
        const auto scanned = scan(source, model.header.first_instr);
        CHECK(indexed->contents == scanned.contents);
        CHECK(indexed->end_instr == scanned.end_instr);
        CHECK(scanned.flaw.empty());
    }
    SECTION("through a pipe") {
        const TemporaryFile pipe;
        REQUIRE(::mkfifo(pipe.path().c_str(), 0600) == 0);
        std::thread feeder([&] { write_file(pipe.path(), read_file(file.path())); });
        TraceReader reader(pipe.path());
        check_in_order(reader, model);
        feeder.join();
        CHECK_FALSE(reader.seekable());
        CHECK_THROWS_AS(reader.contents(), FileError);
    }
}

TEST_CASE("the same calls give the same bytes") {
    const TemporaryFile first;
    const TemporaryFile second;
    WriterOptions options;
    options.chunk_blocks = 300;
    Generator(7).write(first.path(), options, 200);
    options.queue_items = 1;
    Generator(7).write(second.path(), options, 200);
    CHECK(read_file(first.path()) == read_file(second.path()));
}

TEST_CASE("a trace of nothing is a trace") {
    const TemporaryFile file;
    TraceHeader header;
    header.first_instr = 5;
    TraceWriter(file.path(), header).finish();
    TraceReader reader(file.path());
    CHECK_FALSE(reader.next());
    CHECK(reader.whole());
    CHECK(reader.end_instr() == 5);
    CHECK(reader.contents().chunks.empty());
}

TEST_CASE("chunk summaries name address spaces and memory maps in force") {
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", page_size}};
    {
        TraceWriter writer(file.path(), header);
        const uint32_t id = writer.define_block({.guest_size = 1, .code = {}, .instruction_offsets = {0}});
        const MemoryMap map{0, {{0, page_size, 0, 0, RangeKind::ram}}};
        writer.memory_map(map);
        CpuState state;
        state.cr3 = 0x1000;
        const Bytes ram(page_size);
        const auto memory = [&](uint32_t) { return std::span<const std::byte>(ram); };
        writer.snapshot(state, memory, SnapshotKind::full);
        writer.append_blocks(std::span(&id, 1));
        for (const uint64_t cr3 : {0x2000, 0x1000, 0x3000})
            writer.event({writer.instr(), AddressSpaceChange{cr3}});
        state.cr3 = 0x3000;
        writer.snapshot(state, memory, SnapshotKind::full);
        writer.append_blocks(std::span(&id, 1));
        writer.finish();
    }
    TraceReader reader(file.path());
    CHECK(reader.chunk(0).summary().address_spaces == std::vector<uint64_t>{0x1000, 0x2000, 0x3000});
    CHECK(reader.chunk(1).summary().address_spaces == std::vector<uint64_t>{0x3000});
    CHECK(reader.chunk(0).summary().first_memory_maps == std::vector<uint32_t>{1});
    CHECK(reader.chunk(0).count_events() == std::map<uint32_t, uint64_t>{{2, 3}});
    CHECK(reader.chunk(0).summary().address_spaces_complete);
}

TEST_CASE("the writer refuses what contradicts itself") {
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", page_size}};
    TraceWriter writer(file.path(), header);
    const BlockDefinition good{.guest_size = 4, .code = Bytes(4), .instruction_offsets = {0, 2}};
    const uint32_t id = writer.define_block(good);
    BlockDefinition bad = good;
    bad.code.resize(3);
    CHECK_THROWS_AS(writer.define_block(bad), Error);
    bad = good;
    bad.instruction_offsets = {0, 4};
    CHECK_THROWS_AS(writer.define_block(bad), Error);
    bad.instruction_offsets = {0, 2, 2};
    CHECK_THROWS_AS(writer.define_block(bad), Error);
    bad.instruction_offsets = {};
    CHECK_THROWS_AS(writer.define_block(bad), Error);
    const uint32_t unknown = id + 1;
    CHECK_THROWS_AS(writer.append_blocks(std::span(&unknown, 1)), Error);
    CHECK_THROWS_AS(writer.append_partial(id, 3), Error);
    CHECK_THROWS_AS(writer.event({0, Gap{1}}), Error);
    const Bytes small(1);
    CHECK_THROWS_AS(
        writer.snapshot({}, [&](uint32_t) { return std::span(small); }, SnapshotKind::full), Error);
    header.memory_blocks = {{"ram", page_size + 1}};
    const TemporaryFile other;
    CHECK_THROWS_AS(TraceWriter(other.path(), header), Error);
}

TEST_CASE("an existing file is not overwritten unless asked") {
    const TemporaryFile file;
    write_file(file.path(), Bytes(3));
    CHECK_THROWS_AS(TraceWriter(file.path(), {}), FileError);
    CHECK(read_file(file.path()).size() == 3);
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    TraceWriter(file.path(), {}, options).finish();
    CHECK(TraceReader(file.path()).whole());
}

TEST_CASE("a full disk is reported, and nothing hangs") {
    const uint64_t size = 512 * page_size;
    TraceHeader header;
    header.memory_blocks = {{"ram", size}};
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    // /dev/full takes the open and refuses each write.
    CHECK_THROWS_AS(TraceWriter("/dev/full", header, options), FileError);
}

TEST_CASE("a failing encoder reaches the caller") {
    const TemporaryFile pipe;
    REQUIRE(::mkfifo(pipe.path().c_str(), 0600) == 0);
    ::signal(SIGPIPE, SIG_IGN);
    // The reader at the other end goes away after the header: every later write fails with EPIPE.
    const int other_end = ::open(pipe.path().c_str(), O_RDONLY | O_NONBLOCK);
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    options.chunk_blocks = 10;
    TraceWriter writer(pipe.path(), {}, options);
    ::close(other_end);
    const uint32_t id = writer.define_block({.guest_size = 1, .code = {}, .instruction_offsets = {0}});
    const std::vector<uint32_t> ids(1000, id);
    CHECK_THROWS_AS(
        [&] {
            writer.append_blocks(ids);
            writer.finish();
        }(),
        FileError);
}

}  // namespace
