// Chunks that several threads make are those that one writer makes in order, byte for byte.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <thread>

#include "tests/unit/trace_generator.h"
#include "trace/writing/stretch.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Execution {
    uint32_t id;
    uint32_t executed;
    std::vector<uint64_t> words;
};

// Stretches of executions, of blocks that are defined along the way.
struct Program {
    TraceHeader header;
    std::vector<BlockDefinition> blocks;
    struct Stretch {
        ChunkStart start;
        size_t known_blocks;               // at the stretch's end
        std::vector<MappedRange> new_map;  // empty: the map stays
        std::vector<Execution> executions;
    };
    std::vector<Stretch> stretches;
};

BlockDefinition make_block(std::mt19937_64& random, uint64_t number) {
    BlockDefinition block;
    block.pc = 0x1000 * number;
    block.guest_size = 12;
    block.instruction_offsets = {0, 3, 6, 9};
    for (uint16_t i = 0; i < 4; ++i) {
        if (random() % 2 == 0)
            continue;
        MemoryOperation operation;
        operation.instruction = i;
        operation.store = random() % 2 == 0;
        block.operations.push_back(operation);
    }
    block.tcg.resize(random() % 50);
    return block;
}

Program make_program(uint64_t seed) {
    std::mt19937_64 random(seed);
    Program program;
    program.header.memory_blocks = {{"ram", 64 * page_size}};
    for (int i = 0; i < 9; ++i) {
        Program::Stretch stretch;
        CpuState cpu;
        cpu.cr3 = 0x1000 * (1 + random() % 3);
        stretch.start = {cpu, {{0x7f, random() % 64, 0}, {0x80, random() % 64, 0}}};
        if (i % 4 == 3)
            stretch.new_map = {{0, (1 + i) * page_size, 0, 0, RangeKind::ram}};
        for (int n = 0; n < 3000; ++n) {
            if (program.blocks.size() < 3 || random() % 500 == 0)
                program.blocks.push_back(make_block(random, program.blocks.size()));
            const auto id = static_cast<uint32_t>(random() % program.blocks.size());
            Execution execution{id, random() % 50 == 0 ? 2u : 4u, {}};
            for (const MemoryOperation& operation : program.blocks[id].operations) {
                execution.words.push_back(0x7f000 + random() % 0x1000);
                if (operation.store)
                    execution.words.push_back(random() % 3);
            }
            stretch.executions.push_back(std::move(execution));
        }
        stretch.known_blocks = program.blocks.size();
        program.stretches.push_back(std::move(stretch));
    }
    return program;
}

WriterOptions memory_options() {
    WriterOptions options;
    options.memory = MemoryColumns::values;
    options.chunk_blocks = 2000;  // a stretch has two chunks
    return options;
}

template <typename Writer>
void append(Writer& writer, const Execution& execution, const std::vector<BlockDefinition>& blocks) {
    if (execution.executed == blocks[execution.id].instruction_count())
        writer.append(execution.id, execution.words.data());
    else
        writer.append_cut(execution.id, execution.executed, execution.words.data());
}

void write_in_order(const Program& program, const std::string& path) {
    TraceWriter writer(path, program.header, memory_options());
    size_t known = 0;
    for (const auto& stretch : program.stretches) {
        writer.begin_chunk(stretch.start);
        for (; known < stretch.known_blocks; ++known)
            writer.define_block(program.blocks[known]);
        writer.event({writer.instr(), AddressSpaceChange{stretch.start.cpu->cr3}});
        if (!stretch.new_map.empty())
            writer.memory_map({0, stretch.new_map});
        for (const Execution& execution : stretch.executions)
            append(writer, execution, program.blocks);
    }
    writer.finish();
}

// Two encoders, each on a thread of its own, encode the stretches in turn.
void write_in_stretches(const Program& program, const std::string& path) {
    TraceWriter writer(path, program.header, memory_options());
    struct Worker {
        StretchEncoder encoder{memory_options()};
        size_t known = 0;
        std::thread thread;
    };
    std::array<Worker, 2> workers;
    uint64_t instr = 0;
    uint64_t address_space = 0;
    size_t known = 0;
    for (size_t i = 0; i < program.stretches.size(); ++i) {
        const auto& stretch = program.stretches[i];
        Worker& worker = workers[i % 2];
        if (worker.thread.joinable())
            worker.thread.join();
        for (; known < stretch.known_blocks; ++known)
            writer.define_block_elsewhere(program.blocks[known]);
        const StretchStart start{instr, address_space, writer.memory_maps(), stretch.start};
        const auto map =
            stretch.new_map.empty() ? std::nullopt : writer.enter_memory_map({0, stretch.new_map});
        std::promise<EncodedStretch> encoded;
        auto result = encoded.get_future();
        worker.thread = std::thread([&, start, map, encoded = std::move(encoded)]() mutable {
            ChunkBuilder& chunk = worker.encoder.builder();
            for (; worker.known < stretch.known_blocks; ++worker.known)
                chunk.define_block(4, program.blocks[worker.known].operations);
            worker.encoder.begin(start);
            chunk.event({start.instr, AddressSpaceChange{stretch.start.cpu->cr3}});
            if (map)
                chunk.change_memory_map(0, *map);
            for (const Execution& execution : stretch.executions)
                append(chunk, execution, program.blocks);
            encoded.set_value(worker.encoder.finish());
        });
        for (const Execution& execution : stretch.executions)
            instr += execution.executed;
        address_space = stretch.start.cpu->cr3;
        writer.append_stretch(std::move(result), instr);
    }
    for (Worker& worker : workers)
        worker.thread.join();
    CHECK(writer.instr() == instr);
    writer.finish();
}

}  // namespace

TEST_CASE("stretches that several threads encode make the trace that one writer makes") {
    const Program program = make_program(5);
    const TemporaryFile in_order;
    const TemporaryFile in_stretches;
    write_in_order(program, in_order.path());
    write_in_stretches(program, in_stretches.path());
    const Bytes expected = read_file(in_order.path());
    CHECK(expected.size() > 10'000);
    CHECK((read_file(in_stretches.path()) == expected));
}

TEST_CASE("the writer throws what a stretch fails with") {
    const TemporaryFile file;
    TraceWriter writer(file.path(), {}, memory_options());
    std::promise<EncodedStretch> encoded;
    writer.append_stretch(encoded.get_future(), 100);
    encoded.set_exception(std::make_exception_ptr(Error("no such block")));
    CHECK_THROWS_AS(writer.finish(), Error);
}
