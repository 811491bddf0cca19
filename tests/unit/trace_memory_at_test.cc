// Memory at any instr, looked up from the last snapshot and the chunks since.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/effort.h"
#include "tests/unit/trace_store_machine.h"
#include "trace/moment/memory_at.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Sample {
    explicit Sample(uint64_t seed) : machine(seed) {
        WriterOptions options;
        options.chunk_blocks = 60u << (seed % 3);
        machine.write(file.path(), options, 2500);
    }
    TemporaryFile file;
    StoreMachine machine;
};

void check_all(const MemoryAt& memory, const StoreMachine& machine, uint64_t instr) {
    for (uint32_t block = 0; block < 3; ++block) {
        const Bytes expected = machine.memory_at(block, instr);
        Bytes found(expected.size());
        REQUIRE(memory.read_block(block, 0, found));
        REQUIRE((found == expected));
    }
}

TEST_CASE("memory is right at any instr") {
    const auto seed = GENERATE(range(50u, 56u));
    const Sample sample(seed);
    TraceReader reader(sample.file.path());
    std::mt19937_64 random(seed);
    for (unsigned i = 0; i < rounds_of_effort(25); ++i) {
        const uint64_t instr = random() % (sample.machine.end_instr() + 1);
        CAPTURE(instr);
        // With and without room for what was decoded.
        check_all(MemoryAt(reader, instr, i % 2 == 0 ? MemoryAt::default_cache_bytes : 1), sample.machine,
                  instr);
    }
    for (const uint64_t instr :
         {uint64_t{0}, sample.machine.end_instr(), sample.machine.snapshot_instrs()[1]})
        check_all(MemoryAt(reader, instr), sample.machine, instr);
}

TEST_CASE("physical addresses go through the map in force") {
    const Sample sample(60);
    TraceReader reader(sample.file.path());
    const uint64_t instr = sample.machine.end_instr() / 2;
    const MemoryAt memory(reader, instr);
    const Bytes expected = sample.machine.memory_at(1, instr);
    Bytes found(100);
    REQUIRE(memory.read(8 * page_size + 77, found));
    CHECK(std::equal(found.begin(), found.end(), expected.begin() + 77));
    CHECK_FALSE(memory.read(70 * page_size, found));
    CHECK_FALSE(memory.ranges().empty());
}

TEST_CASE("a page that few chunks store to costs few of them") {
    // A hundred chunks; the page is stored to in the third and the last of them.
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", 16 * page_size}};
    WriterOptions options;
    options.memory = MemoryColumns::values;
    {
        TraceWriter writer(file.path(), header, options);
        writer.memory_map({0, {{0, 16 * page_size, 0, 0, RangeKind::ram}}});
        const Bytes memory(16 * page_size);
        writer.snapshot({}, [&](uint32_t) { return std::span<const std::byte>(memory); }, SnapshotKind::full);
        BlockDefinition block;
        block.guest_size = 1;
        block.instruction_offsets = {0};
        block.operations.resize(1);
        block.operations[0].store = true;
        const uint32_t id = writer.define_block(block);
        for (uint64_t chunk = 0; chunk < 100; ++chunk) {
            writer.begin_chunk({std::nullopt, {{0x1000, 1, 0}, {0x1001, 2, 0}}});
            const uint64_t page = chunk == 2 || chunk == 99 ? 0x1001 : 0x1000;
            const uint64_t words[] = {page << 12 | chunk << 3, chunk + 1};
            writer.append(id, words);
        }
        writer.finish();
    }
    TraceReader reader(file.path());
    const MemoryAt memory(reader, 100);
    uint64_t value = 0;
    REQUIRE(memory.read(2 * page_size + (2 << 3), std::as_writable_bytes(std::span(&value, 1))));
    CHECK(value == 3);
    REQUIRE(memory.read(2 * page_size + (99 << 3), std::as_writable_bytes(std::span(&value, 1))));
    CHECK(value == 100);
    CHECK(memory.chunks_decoded() == 2);
    REQUIRE(memory.read(page_size + (50 << 3), std::as_writable_bytes(std::span(&value, 1))));
    CHECK(value == 51);
    CHECK(memory.chunks_decoded() == 100);
}

TEST_CASE("what cannot be known is an error, not a guess") {
    const Sample sample(70);
    TraceReader reader(sample.file.path());
    CHECK_THROWS_AS(MemoryAt(reader, sample.machine.end_instr() + 1), FileError);

    const TemporaryFile blocks_only;
    Generator(4).write(blocks_only.path(), {}, 100);
    TraceReader without(blocks_only.path());
    CHECK_THROWS_AS(MemoryAt(without, without.header().first_instr + 50), FileError);
}

TEST_CASE("registers are followed as far as the trace tells") {
    const TemporaryFile file;
    WriterOptions options;
    options.memory = MemoryColumns::values;
    {
        TraceWriter writer(file.path(), {}, options);
        CpuState cpu;
        cpu.general[rax] = 42;
        cpu.segments[gs].base = 0x1000;
        cpu.kernel_gs_base = 0xffff888000000000;
        cpu.cr3 = 0x5000;
        FloatingState floating;
        floating.top = 5;
        floating.empty = 0x3f;
        floating.registers[7][9] = std::byte{0x40};
        floating.vectors[15][31] = std::byte{0x77};
        floating.mxcsr = 0x1fa0;
        cpu.floating = std::make_shared<FloatingState>(floating);
        writer.snapshot(cpu, [](uint32_t) { return std::span<const std::byte>(); }, SnapshotKind::full);
        writer.begin_chunk({cpu, {}});
        BlockDefinition entry;
        entry.pc = 0xffffffff81000000;
        entry.flags = uint64_t{1} << 15;
        entry.code = {std::byte{0x0f}, std::byte{0x01}, std::byte{0xf8}, std::byte{0x90}};  // swapgs; nop
        entry.guest_size = 4;
        entry.instruction_offsets = {0, 3};
        const uint32_t id = writer.define_block(entry);
        writer.append(id, nullptr);
        writer.event({writer.instr(), AddressSpaceChange{0x7000}});
        writer.append(id, nullptr);
        writer.finish();
    }
    TraceReader reader(file.path());
    const CpuState begin = MemoryAt(reader, 0).cpu();
    CHECK(begin.general[rax] == 42);
    CHECK(begin.segments[gs].base == 0x1000);
    REQUIRE(begin.floating);
    CHECK(begin.floating->top == 5);
    CHECK(begin.floating->empty == 0x3f);
    CHECK(begin.floating->registers[7][9] == std::byte{0x40});
    CHECK(begin.floating->vectors[15][31] == std::byte{0x77});
    CHECK(begin.floating->mxcsr == 0x1fa0);
    const CpuState inside = MemoryAt(reader, 1).cpu();
    CHECK(inside.segments[gs].base == 0xffff888000000000);
    CHECK(inside.kernel_gs_base == 0x1000);
    CHECK(inside.rip == 0xffffffff81000003);
    CHECK(inside.general[rax] == 0);
    CHECK(!inside.floating);
    CHECK(inside.cr3 == 0x5000);
    const CpuState later = MemoryAt(reader, 3).cpu();
    CHECK(later.segments[gs].base == 0x1000);
    CHECK(later.cr3 == 0x7000);
    CHECK(later.rip == 0xffffffff81000003);
}

}  // namespace
