// The registers at the start of each execution.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/trace_register_machine.h"
#include "trace/edit/cut.h"
#include "trace/pass/pass.h"
#include "trace/proof/verify.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

std::vector<RegisterExecution> some_executions(RegisterMachine& machine, size_t count) {
    std::vector<RegisterExecution> executions;
    while (executions.size() < count)
        executions.push_back(machine.run());
    return executions;
}

Bytes encode(RegisterEncoder& encoder, const std::vector<RegisterExecution>& executions) {
    for (const RegisterExecution& execution : executions)
        encoder.append(execution.id, execution.registers);
    CHECK(encoder.count() == executions.size());
    return encoder.take();
}

TEST_CASE("registers come back as they were encoded, chunk after chunk") {
    RegisterMachine machine(GENERATE(range(0u, 20u)));
    RegisterEncoder encoder;
    RegisterDecoder decoder;
    for (const size_t count : {0u, 1u, 300u, 3000u, 20u}) {
        const auto executions = some_executions(machine, count);
        const Bytes column = encode(encoder, executions);
        decoder.start(column);
        for (const RegisterExecution& execution : executions)
            REQUIRE(decoder.next(execution.id) == execution.registers);
        CHECK_NOTHROW(decoder.check_end());
    }
}

TEST_CASE("blocks whose ids share a place in the table come back too") {
    RegisterMachine machine(5);
    auto executions = some_executions(machine, 2000);
    for (RegisterExecution& execution : executions)
        execution.id = (execution.id % 3 << 16 | execution.id % 2);
    RegisterEncoder encoder;
    const Bytes column = encode(encoder, executions);
    RegisterDecoder decoder;
    decoder.start(column);
    for (const RegisterExecution& execution : executions)
        REQUIRE(decoder.next(execution.id) == execution.registers);
}

// A loop that counts: registers that change as before are coded as runs.
TEST_CASE("what a program does again takes no bytes") {
    RegisterEncoder encoder;
    BlockRegisters registers{};
    const auto run = [&](unsigned executions) {
        for (unsigned i = 0; i < executions; ++i) {
            encoder.append(i % 2, registers);
            registers[i % 2 == 0 ? rcx : rsi] += i % 2 == 0 ? 1 : 8;
            registers[rdi] = registers[rsi] + 100;
        }
        return encoder.size();
    };
    const size_t before = run(20);
    CHECK(run(100000) == before);
}

TEST_CASE("damaged registers are an error, never more") {
    std::mt19937_64 random(1);
    RegisterMachine machine(3);
    RegisterEncoder encoder;
    const auto executions = some_executions(machine, 500);
    const Bytes whole = encode(encoder, executions);
    const auto decodes = [&](const Bytes& column) {
        RegisterDecoder decoder;
        try {
            decoder.start(column);
            for (const RegisterExecution& execution : executions)
                if (decoder.next(execution.id) != execution.registers)
                    return false;
            decoder.check_end();
        } catch (const Error&) {
            return false;
        }
        return true;
    };
    REQUIRE(decodes(whole));
    for (size_t size = 0; size < whole.size(); size += 7)
        CHECK_FALSE(decodes(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size))));
    Bytes longer = whole;
    longer.push_back(std::byte{1});
    CHECK_FALSE(decodes(longer));
    for (int i = 0; i < 300; ++i) {
        Bytes changed = whole;
        changed[random() % changed.size()] ^= static_cast<std::byte>(1 + random() % 255);
        CHECK_FALSE(decodes(changed));
    }
}

struct Collect : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    static constexpr bool needs_registers = true;
    explicit Collect(const PassState& state) : state_(state) {}
    void on_block(const BlockExecution& block) { told.push_back({block.id, state_.registers()}); }
    void append(Collect&& next) { told.insert(told.end(), next.told.begin(), next.told.end()); }
    const PassState& state_;
    std::vector<RegisterExecution> told{};
};

TEST_CASE("a trace tells the registers with which each execution starts") {
    const auto seed = GENERATE(range(0u, 8u));
    const TemporaryFile file;
    RegisterMachine machine(seed);
    WriterOptions options;
    options.chunk_blocks = 70;
    machine.write(file.path(), options, 1500);
    {
        TraceReader reader(file.path());
        CHECK(told_registers(reader) == machine.executions());
    }
    SECTION("in a parallel pass") {
        TraceReader reader(file.path());
        const auto result =
            run_pass(reader, {.threads = 3}, [](const PassState& state) { return Collect(state); });
        result.require_whole(reader);
        CHECK(result.analyzer.told == machine.executions());
    }
    SECTION("when it was cut out of another") {
        const TemporaryFile part;
        TraceReader reader(file.path());
        const uint64_t end = reader.end_instr();
        const CutResult result = cut(reader, end / 3, 2 * end / 3, part.path(), {});
        TraceReader cut_reader(part.path());
        auto told = told_registers(cut_reader);
        REQUIRE(told.size() > 100);
        // Its blocks have other numbers.
        size_t first = 0;
        uint64_t instr = 0;
        ChunkCursor cursor(reader.blocks());
        for (size_t i = 0; i < reader.contents().chunks.size() && instr < result.first_instr; ++i) {
            cursor.start(reader.chunk(i));
            for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
                instr = cursor.instr();
                if (step == ChunkCursor::Step::block && cursor.block().instr < result.first_instr)
                    ++first;
            }
        }
        REQUIRE(first + told.size() <= machine.executions().size());
        for (size_t i = 0; i < told.size(); ++i)
            REQUIRE(told[i].registers == machine.executions()[first + i].registers);
    }
}

TEST_CASE("a trace without registers says so") {
    const TemporaryFile file;
    Generator(1).write(file.path(), {}, 20);
    TraceReader reader(file.path());
    RegisterCursor registers;
    CHECK_THROWS_AS(registers.start(reader.chunk(0)), FileError);
}

TEST_CASE("a chunk has the registers of its executions, no more and no fewer") {
    const TemporaryFile file;
    RegisterMachine(2).write(file.path(), {}, 100);
    TraceReader reader(file.path());
    const Chunk chunk = reader.chunk(0);
    RegisterCursor registers;
    registers.start(chunk);
    CHECK_THROWS_AS(registers.check_end(), FileError);
    for (uint32_t i = 0; i < chunk.summary().block_count; ++i)
        CHECK_NOTHROW(registers.next(i % RegisterMachine::blocks));
    CHECK_THROWS_AS(registers.next(0), FileError);

    WriterOptions options;
    options.registers = true;
    options.if_exists = IfExists::overwrite;
    TraceWriter writer(file.path(), {}, options);
    BlockDefinition block;
    block.guest_size = 1;
    block.instruction_offsets = {0};
    const uint32_t id = writer.define_block(block);
    writer.append_blocks({&id, 1});
    CHECK_THROWS_AS(writer.finish(), Error);
}

VerifyReport verified(const std::string& path, unsigned threads) {
    TraceReader reader(path);
    return verify(reader, {.threads = threads});
}

TEST_CASE("registers are verified by what chunks and system calls tell") {
    const auto seed = GENERATE(range(0u, 6u));
    const TemporaryFile file;
    WriterOptions options;
    options.chunk_blocks = 90;
    RegisterMachine honest(seed);
    honest.write(file.path(), options, 800);
    for (const unsigned threads : {1u, 2u}) {
        const VerifyReport report = verified(file.path(), threads);
        CHECK(report.registers_checked > 50);
        CHECK(report.wrong_registers == 0);
    }
    RegisterMachine liar(seed);
    liar.lie_after(400);
    liar.write(file.path(), options, 800);
    CHECK(verified(file.path(), 1).wrong_registers == 1);
}

}  // namespace
