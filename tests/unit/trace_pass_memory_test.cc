// Passes that keep memory current, in shards and from a pipe.
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <thread>

#include "tests/unit/trace_store_machine.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Sample {
    explicit Sample(uint64_t seed) : machine(seed) {
        WriterOptions options;
        options.chunk_blocks = 100;
        machine.write(file.path(), options, 3000);
    }
    TemporaryFile file;
    StoreMachine machine;
};

// Compares memory with the machine's account, now and then.
struct MemoryChecker {
    static constexpr PassNeeds needs = PassNeeds::memory;

    MemoryChecker(const PassState& pass_state, const StoreMachine& account)
        : state(&pass_state), machine(&account) {}

    void on_block(const BlockExecution& block) {
        begin = block.instr;
        end = block.instr + block.executed;
        ++blocks;
        if (left) {  // as the block before left it, as nothing came between
            ++handed_on;
            wrong += contents() == *left ? 0 : 1;
            left.reset();
        }
        if (block.executed != 0 && random() % 200 == 0)
            compare(block.instr);
    }
    void on_accesses(const BlockExecution&, std::span<const Access> part) { accesses += part.size(); }
    void after_accesses(const BlockExecution&) {
        if (random() % 200 == 0)
            left = contents();
    }
    void on_event(const Event& event) {
        left.reset();
        if (std::holds_alternative<Transfer>(event.detail) && event.instr > begin && event.instr < end &&
            random() % 8 == 0)
            compare(event.instr);
    }
    void append(MemoryChecker&& next) {
        compared += next.compared;
        wrong += next.wrong;
        handed_on += next.handed_on;
        blocks += next.blocks;
        accesses += next.accesses;
        shards += next.shards;
    }
    void compare(uint64_t instr) {
        ++compared;
        wrong += contents() == std::array{machine->memory_at(0, instr), machine->memory_at(1, instr)} ? 0 : 1;
    }
    std::array<Bytes, 2> contents() const {
        std::array<Bytes, 2> all;
        for (const uint32_t block : {0u, 1u}) {
            all[block].resize(state->header().memory_blocks[block].size);
            state->memory().read_block(block, 0, all[block]);
        }
        return all;
    }

    const PassState* state;
    const StoreMachine* machine;
    std::mt19937_64 random{9};
    uint64_t begin = 0;  // of the current block
    uint64_t end = 0;
    std::optional<std::array<Bytes, 2>> left;  // by the block before
    int handed_on = 0;
    int compared = 0;
    int wrong = 0;
    int shards = 1;
    uint64_t blocks = 0;
    uint64_t accesses = 0;
};

PassResult<MemoryChecker> check(const std::string& path, const StoreMachine& machine,
                                const PassOptions& options) {
    TraceReader reader(path);
    return run_pass(reader, options, [&](const PassState& state) { return MemoryChecker(state, machine); });
}

TEST_CASE("memory is current in a pass, whatever its shards") {
    const auto seed = GENERATE(range(80u, 84u));
    const Sample sample(seed);
    const auto one = check(sample.file.path(), sample.machine, {.threads = 1}).analyzer;
    CHECK(one.compared > 10);
    CHECK(one.handed_on > 1);
    CHECK(one.wrong == 0);
    const auto many = check(sample.file.path(), sample.machine, {.threads = 3}).analyzer;
    CHECK(many.shards > 2);
    CHECK(many.compared > 10);
    CHECK(many.wrong == 0);
    CHECK(many.blocks == one.blocks);
    CHECK(many.accesses == one.accesses);
    const uint64_t end = sample.machine.end_instr();
    const auto part =
        check(sample.file.path(), sample.machine, {.range = {end / 3, end / 2}, .threads = 2}).analyzer;
    CHECK(part.blocks > 0);
    CHECK(part.blocks < one.blocks / 3);
    CHECK(part.wrong == 0);
}

TEST_CASE("memory is current in a pass over a pipe") {
    const Sample sample(90);
    const TemporaryFile pipe;
    REQUIRE(::mkfifo(pipe.path().c_str(), 0600) == 0);
    std::thread feeder([&] { write_file(pipe.path(), read_file(sample.file.path())); });
    const auto result = check(pipe.path(), sample.machine, {});
    feeder.join();
    CHECK(result.flaw.empty());
    CHECK(result.analyzer.compared > 10);
    CHECK(result.analyzer.wrong == 0);
}

// The byte at 5, or -1 where memory is not known.
struct Known : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    explicit Known(const PassState& pass_state) : state(&pass_state) {}
    void on_block(const BlockExecution&) {
        std::byte byte{0};
        if (state->memory_known())
            state->memory().read(5, {&byte, 1});
        seen.push_back(state->memory_known() ? std::to_integer<int>(byte) : -1);
    }
    void append(Known&& next) { seen.insert(seen.end(), next.seen.begin(), next.seen.end()); }
    const PassState* state;
    std::vector<int> seen;
};

TEST_CASE("after a gap memory is unknown until the next snapshot") {
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", 4 * page_size}};
    WriterOptions options;
    options.memory = MemoryColumns::values;
    {
        TraceWriter writer(file.path(), header, options);
        writer.memory_map({0, {{0, 4 * page_size, 0, 0, RangeKind::ram}}});
        Bytes memory(4 * page_size);
        const auto give = [&](uint32_t) { return std::span<const std::byte>(memory); };
        BlockDefinition block;
        block.guest_size = 1;
        block.instruction_offsets = {0};
        const uint32_t id = writer.define_block(block);
        const auto run = [&] {
            writer.begin_chunk({CpuState(), {}});
            writer.append(id, nullptr);
        };
        run();
        writer.snapshot({}, give, SnapshotKind::full);
        run();
        writer.skip(100);
        run();
        memory[5] = std::byte{7};
        writer.snapshot({}, give, SnapshotKind::changed);
        run();
        writer.finish();
    }
    for (const unsigned threads : {1u, 2u}) {
        TraceReader reader(file.path());
        const auto result =
            run_pass(reader, {.threads = threads}, [](const PassState& state) { return Known(state); });
        CHECK(result.analyzer.seen == std::vector<int>{-1, 0, -1, 7});
    }
}

}  // namespace
