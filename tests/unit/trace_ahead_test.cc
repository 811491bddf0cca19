// Chunks that other threads decode ahead tell the same as those that the pass decodes itself.
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/trace_memory_generator.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

// How many calls and accesses there were, and a hash of everything in its order.
struct Account {
    uint64_t count = 0;
    uint64_t hash = 0;
    bool operator==(const Account&) const = default;
};

template <PassNeeds what>
struct Log : IgnoresAfterAccesses {
    static constexpr PassNeeds needs = what;
    explicit Log(const PassState& pass_state) : state(&pass_state) {}
    void on_block(const BlockExecution& block) {
        add('b', block.id, block.executed, block.instr);
        if (block.instr >= fails_at)
            throw Error("the analyzer fails");
    }
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        add('a', block.instr, accesses.size(), 0);
        for (const Access& access : accesses) {
            add('v', access.address, access.value, access.value_high);
            add('k', access.instruction, access.size, static_cast<uint64_t>(access.kind));
        }
    }
    void on_event(const Event& event) { add('e', event.instr, state->instr(), event_kind(event.detail)); }
    void append(Log&&) { FAIL("there are two shards"); }

    void add(char what_happened, uint64_t a, uint64_t b, uint64_t c) {
        ++told.count;
        for (const uint64_t part : {static_cast<uint64_t>(what_happened), a, b, c})
            told.hash = (std::rotl(told.hash, 5) ^ part) * 0x9e37'79b9'7f4a'7c15;
    }

    const PassState* state;
    uint64_t fails_at = ~uint64_t{0};
    Account told;
};

template <PassNeeds needs>
auto log_of(const std::string& path, const PassOptions& options, uint64_t fails_at = ~uint64_t{0}) {
    TraceReader reader(path);
    return run_pass(reader, options,
                    [&](const PassState& state) {
                        Log<needs> log(state);
                        log.fails_at = fails_at;
                        return log;
                    })
        .analyzer.told;
}

MemoryModel write_sample(const std::string& path, uint64_t seed, unsigned steps = 3000) {
    WriterOptions options;
    options.memory = MemoryColumns::values;
    options.chunk_blocks = 40u << (seed % 8);
    return MemoryGenerator(seed).write(path, options, steps);
}

TEST_CASE("chunks decoded ahead tell the same") {
    const auto seed = GENERATE(range(300u, 316u));
    CAPTURE(seed);
    const TemporaryFile file;
    write_sample(file.path(), seed);
    const auto alone = log_of<PassNeeds::accesses>(file.path(), {.threads = 1});
    CHECK(alone.count > 3000);
    for (const unsigned threads : {2u, 5u})
        CHECK(log_of<PassNeeds::accesses>(file.path(), {.threads = threads, .in_order = true}) == alone);
    const auto addresses = log_of<PassNeeds::addresses>(file.path(), {.threads = 1});
    CHECK(addresses != alone);
    CHECK(log_of<PassNeeds::addresses>(file.path(), {.threads = 3, .in_order = true}) == addresses);
}

TEST_CASE("a range and chosen chunks, decoded ahead") {
    const TemporaryFile file;
    write_sample(file.path(), 320);
    TraceReader reader(file.path());
    const uint64_t first = reader.header().first_instr, length = reader.end_instr() - first;
    PassOptions options{.range = {first + length / 3, first + length / 2}, .threads = 1};
    const auto part = log_of<PassNeeds::accesses>(file.path(), options);
    CHECK(part.count > 100);
    options.select = [&](const ChunkSummary& chunk) { return chunk.first_instr / 100 % 2 == 0; };
    const auto chosen = log_of<PassNeeds::accesses>(file.path(), options);
    CHECK(chosen.count > 0);
    CHECK(chosen.count < part.count);
    options.in_order = true;
    options.threads = 3;
    CHECK(log_of<PassNeeds::accesses>(file.path(), options) == chosen);
    options.select = {};
    CHECK(log_of<PassNeeds::accesses>(file.path(), options) == part);
}

TEST_CASE("an analyzer that fails ends the threads that decode ahead") {
    const TemporaryFile file;
    write_sample(file.path(), 323);
    TraceReader reader(file.path());
    for (const uint64_t part : {0u, 1u, 2u, 5u, 9u}) {
        const uint64_t at = reader.header().first_instr + reader.end_instr() * part / 10;
        CHECK_THROWS_AS(log_of<PassNeeds::accesses>(file.path(), {.threads = 4, .in_order = true}, at),
                        Error);
    }
}

// What a pass says of a trace: that it is whole, or what is wrong.
std::string verdict(const std::string& path, const PassOptions& options) {
    try {
        return "read " + std::to_string(log_of<PassNeeds::accesses>(path, options).count);
    } catch (const Error& error) {
        return error.what();
    }
}

TEST_CASE("damage is the same damage when chunks are decoded ahead") {
    const TemporaryFile file, damaged_file;
    write_sample(file.path(), 325, 600);
    const Bytes bytes = read_file(file.path());
    std::mt19937_64 random(1);
    int damages = 0;
    for (int i = 0; i < 300; ++i) {
        Bytes damaged = bytes;
        damaged[random() % bytes.size()] ^= std::byte{1} << (random() % 8);
        write_file(damaged_file.path(), damaged);
        const std::string alone = verdict(damaged_file.path(), {.threads = 1});
        CHECK(verdict(damaged_file.path(), {.threads = 3, .in_order = true}) == alone);
        damages += alone.starts_with("read") ? 0 : 1;
    }
    CHECK(damages > 50);
}

// More than the analysis lets other threads be ahead.
TEST_CASE("a chunk of many batches is decoded ahead") {
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", 16 * page_size}};
    WriterOptions options;
    options.memory = MemoryColumns::values;
    options.if_exists = IfExists::overwrite;
    constexpr uint32_t executions = 400'000;
    constexpr size_t operations = 8;
    options.chunk_blocks = executions;
    TraceWriter writer(file.path(), header, options);
    BlockDefinition block;
    block.guest_size = 1;
    block.instruction_offsets = {0};
    block.operations.assign(operations, {.size = 8});
    const uint32_t id = writer.define_block(block);
    const std::array<uint64_t, operations> words{};
    for (uint32_t i = 0; i < executions * 3; ++i)
        writer.append(id, words.data());
    writer.finish();
    const auto alone = log_of<PassNeeds::accesses>(file.path(), {.threads = 1});
    CHECK(alone.count > size_t{executions} * 3 * operations);
    CHECK(log_of<PassNeeds::accesses>(file.path(), {.threads = 2, .in_order = true}) == alone);
}

}  // namespace
