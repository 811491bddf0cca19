// The memory columns: whatever blocks do to memory is read back, access by access.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/trace_memory_generator.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

// What CursorColumns::addresses tells of an access.
Access without_value(Access access) {
    if (access.is_store())
        access.value = access.value_high = 0;
    return access;
}

void check_execution(const ChunkCursor& cursor, const MemoryModel& model, size_t number) {
    REQUIRE(number < model.executions.size());
    const Executed& expected = model.executions[number];
    CHECK(cursor.block().id == expected.id);
    CHECK(cursor.block().executed == expected.executed);
    const auto accesses = cursor.accesses();
    const bool same = std::equal(accesses.begin(), accesses.end(), expected.accesses.begin(),
                                 expected.accesses.end(), same_access);
    REQUIRE(same);
}

// Goes over a chunk. first: the number of its first execution in the model. Returns that of the next chunk.
size_t check_chunk(ChunkCursor& cursor, const Chunk& chunk, const MemoryModel& model, size_t first) {
    cursor.start(chunk, CursorColumns::memory);
    for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
        if (step == ChunkCursor::Step::block)
            check_execution(cursor, model, first++);
    }
    return first;
}

// Follows the chunk's accesses with its own translations, and checks its list of pages against them.
void check_pages(ChunkCursor& cursor, const Chunk& chunk) {
    std::map<uint64_t, PhysicalPage> pages;
    for (const Translation& translation : chunk.translations())
        pages[translation.page] = {translation.address_space, translation.frame};
    std::set<PhysicalPage> stored;
    bool complete = true;
    const auto store = [&](uint64_t page) {
        const auto found = pages.find(page);
        complete = complete && found != pages.end();
        if (found != pages.end())
            stored.insert(found->second);
    };
    cursor.start(chunk, CursorColumns::memory);
    for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
        if (step != ChunkCursor::Step::block)
            continue;
        for (const Access& access : cursor.accesses()) {
            if (access.kind == AccessKind::fill)
                pages[access.translation().page] = {access.translation().address_space,
                                                    access.translation().frame};
            if (access.kind == AccessKind::table_write)
                stored.insert({0, access.address >> 12});
            if (access.is_store()) {
                store(access.address >> 12);
                store((access.address + access.size - 1) >> 12);
            }
        }
    }
    const auto written = chunk.pages_written();
    REQUIRE(written);
    CHECK(written->complete == complete);
    CHECK(written->physical == std::vector<PhysicalPage>(stored.begin(), stored.end()));
    CHECK(written->transferred == transferred_pages(cursor, chunk));
}

TEST_CASE("memory accesses are read back as they were written") {
    const auto seed = GENERATE(range(0u, 40u));
    CAPTURE(seed);
    const TemporaryFile file;
    WriterOptions options;
    options.memory = seed % 4 == 3 ? MemoryColumns::addresses : MemoryColumns::values;
    options.chunk_blocks = 50u << (seed % 8);
    const MemoryModel model = MemoryGenerator(seed).write(file.path(), options, 2000);
    TraceReader reader(file.path(), {.tcg = true});

    SECTION("in order") {
        ChunkCursor cursor(reader.blocks());
        size_t executions = 0;
        size_t chunks = 0;
        while (const auto item = reader.next()) {
            const auto& chunk = std::get<Chunk>(*item);
            CHECK(chunk.summary().memory == options.memory);
            executions = check_chunk(cursor, chunk, model, executions);
            ++chunks;
        }
        CHECK(executions == model.executions.size());
        CHECK(chunks > 1);
        reader.require_whole();
    }
    SECTION("each chunk alone, and what it says of pages") {
        ChunkCursor cursor(reader.blocks());
        std::vector<size_t> first = {0};
        for (const ChunkEntry& entry : reader.contents().chunks)
            first.push_back(first.back() + entry.block_count);
        for (size_t i = reader.contents().chunks.size(); i-- > 0;) {
            const Chunk chunk = reader.chunk(i);
            CHECK(check_chunk(cursor, chunk, model, first[i]) == first[i + 1]);
            check_pages(cursor, chunk);
        }
    }
    SECTION("addresses alone, with chunks that are read whole between") {
        ChunkCursor cursor(reader.blocks());
        size_t executions = 0;
        for (size_t i = 0; i < reader.contents().chunks.size(); ++i) {
            if (i % 3 == 2) {
                executions = check_chunk(cursor, reader.chunk(i), model, executions);
                continue;
            }
            cursor.start(reader.chunk(i), CursorColumns::addresses);
            for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
                if (step != ChunkCursor::Step::block)
                    continue;
                const auto accesses = cursor.accesses();
                const auto& expected = model.executions[executions++].accesses;
                REQUIRE(std::equal(accesses.begin(), accesses.end(), expected.begin(), expected.end(),
                                   [](const Access& told, const Access& done) {
                                       return same_access(told, without_value(done));
                                   }));
            }
        }
        CHECK(executions == model.executions.size());
    }
    SECTION("without memory") {
        ChunkCursor cursor(reader.blocks());
        size_t executions = 0;
        while (const auto item = reader.next()) {
            cursor.start(std::get<Chunk>(*item));
            for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next())
                executions += step == ChunkCursor::Step::block ? 1 : 0;
        }
        CHECK(executions == model.executions.size());
    }
    SECTION("definitions") {
        reader.load_blocks();
        REQUIRE(reader.blocks().size() == model.blocks.size());
        for (uint32_t id = 0; id < model.blocks.size(); ++id) {
            const BlockView view = reader.blocks()[id];
            CHECK(std::equal(view.operations.begin(), view.operations.end(),
                             model.blocks[id].operations.begin(), model.blocks[id].operations.end()));
            CHECK(std::ranges::equal(view.changes, model.blocks[id].changes));
            CHECK(Bytes(view.tcg.begin(), view.tcg.end()) == model.blocks[id].tcg);
        }
    }
}

}  // namespace
