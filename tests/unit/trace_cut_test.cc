// Traces cut out of traces.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/trace_memory_generator.h"
#include "tests/unit/trace_store_machine.h"
#include "trace/edit/cut.h"
#include "trace/moment/memory_at.h"
#include "trace/proof/verify.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Line {
    uint64_t instr;
    uint64_t pc;
    uint32_t executed;
    std::vector<Access> accesses;
};

// What a trace executed in [from, to), without fills, because a cut trace knows some of them at its start.
std::vector<Line> executions(const std::string& path, uint64_t from, uint64_t to) {
    std::vector<Line> lines;
    TraceReader reader(path);
    ChunkCursor cursor(reader.blocks());
    while (const auto item = reader.next()) {
        const auto* chunk = std::get_if<Chunk>(&*item);
        if (chunk == nullptr)
            continue;
        const bool memory = chunk->summary().memory != MemoryColumns::none;
        cursor.start(*chunk, memory ? CursorColumns::memory : CursorColumns::blocks);
        for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
            if (step != ChunkCursor::Step::block)
                continue;
            const BlockExecution& block = cursor.block();
            if (block.instr + block.executed <= from || block.instr >= to)
                continue;
            Line line{block.instr, reader.blocks().pc(block.id), block.executed, {}};
            if (memory)
                for (const Access& access : cursor.accesses())
                    if (access.kind != AccessKind::fill)
                        line.accesses.push_back(access);
            lines.push_back(line);
        }
    }
    reader.require_whole();
    return lines;
}

void check_same(const std::vector<Line>& a, const std::vector<Line>& b) {
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].instr == b[i].instr);
        CHECK(a[i].pc == b[i].pc);
        CHECK(a[i].executed == b[i].executed);
        REQUIRE(std::equal(a[i].accesses.begin(), a[i].accesses.end(), b[i].accesses.begin(),
                           b[i].accesses.end(), same_access));
    }
}

TEST_CASE("a cut trace needs nothing else and is verified") {
    const auto seed = GENERATE(range(100u, 108u));
    const TemporaryFile file;
    const TemporaryFile part;
    StoreMachine machine(seed);
    WriterOptions options;
    options.chunk_blocks = 150;
    machine.write(file.path(), options, 2500);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 4; ++i) {
        const uint64_t from = random() % (machine.end_instr() / 2);
        const uint64_t to = from + 1 + random() % (machine.end_instr() - from);
        CutResult result;
        {
            TraceReader reader(file.path());
            result = cut(reader, from, to, part.path(), {.if_exists = IfExists::overwrite});
        }
        CHECK(result.first_instr <= from);
        CHECK(result.end_instr >= to);
        check_same(executions(part.path(), 0, ~uint64_t{0}), executions(file.path(), from, to));
        TraceReader reader(part.path());
        const VerifyReport report = verify(reader, {});
        CAPTURE(report.contradictions, report.differing_pages, report.broken_links, report.lost_stores);
        CHECK(report.passed());
        CHECK(report.not_compared.empty());
        const uint64_t instr = result.first_instr + random() % (result.end_instr - result.first_instr);
        for (const uint32_t block : {0u, 1u}) {
            Bytes found(machine.header().memory_blocks[block].size);
            REQUIRE(MemoryAt(reader, instr).read_block(block, 0, found));
            CHECK((found == machine.memory_at(block, instr)));
        }
    }
}

TEST_CASE("derived addresses and conditions survive a cut") {
    const auto seed = GENERATE(range(0u, 10u));
    const TemporaryFile file;
    const TemporaryFile part;
    WriterOptions options;
    options.memory = seed % 3 == 0 ? MemoryColumns::addresses : MemoryColumns::values;
    MemoryGenerator(seed).write(file.path(), options, 1500);
    TraceReader reader(file.path(), {.snapshots = true, .tcg = true});
    const uint64_t end = reader.end_instr();
    cut(reader, end / 4, end / 2, part.path(), {});
    check_same(executions(part.path(), 0, ~uint64_t{0}), executions(file.path(), end / 4, end / 2));
    TraceReader cut_reader(part.path(), {.snapshots = true, .tcg = true});
    cut_reader.load_blocks();
    CHECK(cut_reader.blocks().size() > 0);
    CHECK(cut_reader.blocks().size() <= reader.blocks().size());
    size_t with_tcg = 0;
    for (uint32_t id = 0; id < cut_reader.blocks().size(); ++id)
        with_tcg += cut_reader.blocks()[id].tcg.empty() ? 0 : 1;
    CHECK(with_tcg > 0);
}

TEST_CASE("a trace of blocks and events can be cut too") {
    const TemporaryFile file;
    const TemporaryFile part;
    WriterOptions options;
    options.chunk_blocks = 100;
    const Model model = Generator(8).write(file.path(), options, 200);
    const uint64_t first = model.header.first_instr;
    const uint64_t length = model.end_instr - first;
    TraceReader reader(file.path());
    cut(reader, first + length / 3, first + 2 * length / 3, part.path(), {});
    check_same(executions(part.path(), 0, ~uint64_t{0}),
               executions(file.path(), first + length / 3, first + 2 * length / 3));
}

TEST_CASE("what is not there cannot be cut out") {
    const TemporaryFile file;
    const TemporaryFile part;
    StoreMachine machine(120);
    machine.write(file.path(), {}, 100);
    TraceReader reader(file.path());
    CHECK_THROWS_AS(cut(reader, machine.end_instr(), machine.end_instr() + 10, part.path(), {}), FileError);
    CHECK_THROWS_AS(cut(reader, 5, 5, part.path(), {}), FileError);
}

}  // namespace
