// Memory that follows a trace, and the proof that it is right.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/effort.h"
#include "tests/unit/trace_store_machine.h"
#include "trace/pass/memory_follower.h"
#include "trace/proof/verify.h"
#include "trace/reading/chunk_walk.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Sample {
    explicit Sample(uint64_t seed, unsigned steps = 3000) : machine(seed) {
        WriterOptions options;
        options.chunk_blocks = 100u << (seed % 3);
        machine.write(file.path(), options, steps);
    }
    TemporaryFile file;
    StoreMachine machine;
};

VerifyReport verify_path(const std::string& path, unsigned threads = 1) {
    TraceReader reader(path);
    VerifyOptions options;
    options.threads = threads;
    return verify(reader, options);
}

// Compares memory with the machine's account at the start of some blocks.
struct Comparer {
    const StoreMachine& machine;
    MemoryFollower& follower;
    std::mt19937_64 random{3};
    int compared = 0;

    size_t executions = 0;

    void on_block(const BlockExecution& block) {
        const size_t execution = executions++;
        if (random() % 300 != 0)
            return;
        for (uint32_t number = 0; number < 3; ++number) {
            Bytes expected = machine.memory_before(number, execution, block.instr);
            Bytes found(expected.size());
            REQUIRE(follower.read_block(number, 0, found));
            REQUIRE((found == expected));
        }
        ++compared;
    }
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) { follower.apply(accesses); }
    void on_event(const Event& event) { follower.apply(event); }
};

TEST_CASE("memory follows the trace byte by byte") {
    const auto seed = GENERATE(range(0u, 6u));
    const Sample sample(seed);
    TraceReader reader(sample.file.path());
    reader.load_blocks();
    MemoryFollower follower(reader.header(), reader.memory_maps());
    follower.restore(reader.memory_at(0));
    ChunkWalk walk(reader.blocks());
    Comparer comparer{sample.machine, follower};
    for (size_t i = 0; i < reader.contents().chunks.size(); ++i) {
        const Chunk chunk = reader.chunk(i);
        follower.start(chunk);
        walk.go<CursorColumns::memory>(chunk, comparer);
    }
    walk.finish(comparer);
    CHECK(comparer.compared > 3);
    CHECK(follower.lost_stores() == 0);
    for (uint32_t number = 0; number < 3; ++number) {
        const Bytes expected = sample.machine.memory_before(number, ~size_t{0}, 0);
        Bytes found(expected.size());
        REQUIRE(follower.read_block(number, 0, found));
        CHECK((found == expected));
    }
}

TEST_CASE("verify passes what is right, on one thread, on many, and from a pipe's order") {
    const auto seed = GENERATE(range(10u, 20u));
    const Sample sample(seed);
    for (const unsigned threads : {1u, 3u}) {
        const VerifyReport report = verify_path(sample.file.path(), threads);
        CAPTURE(report.differing_pages, report.broken_links, report.lost_stores, report.unlisted_pages,
                report.contradictions, report.flaw);
        CHECK(report.passed());
        CHECK(report.not_compared.empty());
        CHECK(report.snapshots == sample.machine.snapshot_instrs().size());
        CHECK(report.snapshots_compared == report.snapshots - 1);
        CHECK(report.pages_compared > 0);
        CHECK(report.end_instr == sample.machine.end_instr());
    }
}

TEST_CASE("verify names the page that differs, and what wrote it last") {
    TemporaryFile file;
    StoreMachine machine(77);
    const uint64_t offset = 3 * page_size + 123;
    machine.spoil_snapshot(1, offset);
    WriterOptions options;
    options.chunk_blocks = 200;
    machine.write(file.path(), options, 3000);
    for (const unsigned threads : {1u, 3u}) {
        const VerifyReport report = verify_path(file.path(), threads);
        CHECK_FALSE(report.passed());
        // It goes on from the wrong snapshot, so the byte may be found wrong again in the next one.
        CHECK(report.differing_pages <= 2);
        REQUIRE(report.differences.size() == report.differing_pages);
        const PageDifference& difference = report.differences[0];
        CHECK(difference.snapshot == 2);
        CHECK(difference.block == 1);
        CHECK(difference.offset == offset);
        CHECK(difference.bytes == 1);
        CHECK((difference.expected ^ difference.found) == 0x80);
        std::optional<Write> last;
        for (const ByteWrite& write : machine.log())
            if (write.block == 1 && write.offset == offset && write.is_before(difference.to_instr))
                last = machine.writes()[write.write];
        REQUIRE(last.has_value() == difference.last_write.has_value());
        if (last) {
            CHECK(last->instr == difference.last_write->instr);
            CHECK(last->kind == difference.last_write->kind);
            CHECK(last->address == difference.last_write->address);
        }
    }
}

TEST_CASE("the last write to a byte is found, whatever made it") {
    const auto seed = GENERATE(range(30u, 34u));
    const Sample sample(seed);
    TraceReader reader(sample.file.path());
    std::mt19937_64 random(seed);
    std::array<int, 4> kinds{};
    for (unsigned i = 0; i < rounds_of_effort(200); ++i) {
        const auto block = static_cast<uint32_t>(random() % 2);
        const MemoryPiece piece{block, random() % (8 * page_size - 64), 1 + random() % 40};
        const uint64_t before = random() % (sample.machine.end_instr() + 1);
        const ByteWrite* last = nullptr;
        for (const ByteWrite& write : sample.machine.log())
            if (write.block == piece.block && write.offset >= piece.offset &&
                write.offset < piece.offset + piece.size && write.is_before(before))
                last = &write;
        const LastWrite found = find_last_write(reader, piece, before);
        REQUIRE(found.write.has_value() == (last != nullptr));
        if (last == nullptr)
            continue;
        const Write& expected = sample.machine.writes()[last->write];
        CHECK(found.write->instr == expected.instr);
        CHECK(found.write->pc == expected.pc);
        CHECK(found.write->kind == expected.kind);
        CHECK(found.write->address == expected.address);
        CHECK(found.write->size == expected.size);
        CHECK(found.write->value == expected.value);
        CHECK(found.write->value_high == expected.value_high);
        ++kinds[static_cast<size_t>(expected.kind)];
    }
    CHECK(kinds[0] > 0);
    CHECK(kinds[3] > 0);
}

BlockDefinition code_block(uint64_t pc, const std::vector<unsigned>& code, uint16_t last) {
    BlockDefinition block;
    block.pc = pc;
    block.flags = uint64_t{1} << 15;  // 64-bit code
    for (const unsigned byte : code)
        block.code.push_back(static_cast<std::byte>(byte));
    block.guest_size = static_cast<uint32_t>(code.size());
    block.instruction_offsets = {0};
    if (last != 0)
        block.instruction_offsets.push_back(last);
    return block;
}

// Executes two blocks, with an event between them or not.
bool follows(const BlockDefinition& first, uint32_t executed, uint64_t next, bool interrupt) {
    const TemporaryFile file;
    TraceWriter writer(file.path(), {});
    const uint32_t a = writer.define_block(first);
    const uint32_t b = writer.define_block(code_block(next, {0xc3}, 0));
    if (executed < first.instruction_count())
        writer.append_partial(a, executed);
    else
        writer.append_blocks(std::vector{a});
    if (interrupt)
        writer.event({writer.instr(), Interrupt{32, InterruptSource::hardware}});
    writer.append_blocks(std::vector{b});
    writer.finish();
    return verify_path(file.path()).broken_links == 0;
}

TEST_CASE("a block must follow from the one before") {
    const auto plain = code_block(0x1000, {0x90, 0x90}, 1);
    CHECK(follows(plain, 2, 0x1002, false));
    CHECK_FALSE(follows(plain, 2, 0x1003, false));
    CHECK(follows(plain, 2, 0x1003, true));
    CHECK(follows(plain, 1, 0x1001, false));  // stopped in the middle and goes on
    CHECK_FALSE(follows(plain, 1, 0x1002, false));
    const auto jump = code_block(0x1000, {0x90, 0xeb, 0x10}, 1);
    CHECK(follows(jump, 2, 0x1013, false));
    CHECK_FALSE(follows(jump, 2, 0x1003, false));
    const auto branch = code_block(0x1000, {0x90, 0x0f, 0x84, 0xf9, 0xff, 0xff, 0xff}, 1);  // je .-7
    CHECK(follows(branch, 2, 0x1000, false));
    CHECK(follows(branch, 2, 0x1007, false));
    CHECK_FALSE(follows(branch, 2, 0x1008, false));
    const auto call = code_block(0x1000, {0xe8, 0x00, 0x01, 0x00, 0x00}, 0);
    CHECK(follows(call, 1, 0x1105, false));
    CHECK_FALSE(follows(call, 1, 0x1005, false));
    const auto indirect = code_block(0x1000, {0xff, 0xe0}, 0);  // jmp *%rax
    CHECK(follows(indirect, 1, 0x123456, false));
    const auto increment = code_block(0x1000, {0xff, 0xc0}, 0);  // inc %eax
    CHECK_FALSE(follows(increment, 1, 0x123456, false));
    const auto repeat = code_block(0x1000, {0x90, 0xf3, 0x48, 0xa5}, 1);  // rep movsq
    CHECK(follows(repeat, 2, 0x1001, false));
    CHECK(follows(repeat, 2, 0x1004, false));
    CHECK_FALSE(follows(repeat, 2, 0x1000, false));
}

TEST_CASE("16- and 32-bit code wraps") {
    auto block = code_block(0xfff0, {0xe9, 0x20, 0x00}, 0);  // jmp .+32
    block.flags = 0;
    CHECK(follows(block, 1, 0x0013, false));
    CHECK_FALSE(follows(block, 1, 0x10013, false));
    block.cs_base = 0xfff0;  // ip is 0
    CHECK(follows(block, 1, 0x10013, false));
    auto wide = code_block(0xffff'fff0, {0xe9, 0x20, 0x00, 0x00, 0x00}, 0);
    wide.flags = 1 << 4;
    CHECK(follows(wide, 1, 0x15, false));
}

TEST_CASE("a block must have the mode that the processor is in") {
    constexpr uint64_t protected_flag = 1 << 7;  // HF_PE_MASK
    constexpr uint64_t long_flag = 1 << 14;      // HF_LMA_MASK
    constexpr uint64_t smm_flag = 1 << 19;       // HF_SMM_MASK
    constexpr uint64_t long_mode = 1 << 10;      // EFER.LMA
    // wrong: nothing, or the execution that gets the flags of its neighbour
    for (const size_t wrong : {size_t{99}, size_t{0}, size_t{1}, size_t{2}, size_t{3}}) {
        const TemporaryFile file;
        WriterOptions options;
        options.memory = MemoryColumns::addresses;
        TraceWriter writer(file.path(), {}, options);
        writer.begin_chunk({CpuState{}, {}});  // real mode
        const uint64_t flags[] = {0, protected_flag, protected_flag | long_flag, smm_flag};
        const ModeChange modes[] = {{}, {1, 0, 0, false}, {1, 0, long_mode, false}, {0, 0, 0, true}};
        for (size_t i = 0; i < std::size(flags); ++i) {
            auto block = code_block(0x1000, {0xc3}, 0);
            block.flags = flags[i == wrong ? (i + 1) % std::size(flags) : i] | 3;
            if (i > 0)
                writer.event({writer.instr(), modes[i]});
            writer.append(writer.define_block(block), nullptr);
        }
        writer.finish();
        const VerifyReport report = verify_path(file.path());
        INFO("wrong " << wrong);
        CHECK(report.wrong_modes == (wrong == 99 ? 0 : 1));
        CHECK(report.passed() == (wrong == 99));
    }
}

TEST_CASE("a store that no translation leads anywhere fails the verification") {
    const TemporaryFile file;
    TraceHeader header;
    header.memory_blocks = {{"ram", 16 * page_size}};
    WriterOptions options;
    options.memory = MemoryColumns::values;
    TraceWriter writer(file.path(), header, options);
    writer.memory_map({0, {{0, 16 * page_size, 0, 0, RangeKind::ram}}});
    const Bytes memory(16 * page_size);
    const auto give = [&](uint32_t) { return std::span<const std::byte>(memory); };
    writer.snapshot({}, give, SnapshotKind::full);
    writer.begin_chunk({});
    auto block = code_block(0x1000, {0xc3}, 0);
    MemoryOperation operation;
    operation.store = true;
    block.operations.push_back(operation);
    const uint32_t id = writer.define_block(block);
    const uint64_t words[] = {0x5000, 0};
    writer.append(id, words);
    writer.snapshot({}, give, SnapshotKind::changed);
    writer.finish();
    const VerifyReport report = verify_path(file.path());
    CHECK(report.lost_stores == 1);
    CHECK_FALSE(report.passed());
}

}  // namespace
