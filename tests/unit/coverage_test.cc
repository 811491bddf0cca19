// panda-analyze coverage on traces of known content.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <sstream>

#include "analyzers/coverage/block_runs.h"
#include "analyzers/coverage/difference.h"
#include "analyzers/coverage/drcov.h"
#include "analyzers/coverage/passes.h"
#include "analyzers/coverage/report.h"
#include "analyzers/coverage/source_lines.h"
#include "common/error.h"
#include "tests/unit/trace_generator.h"
#include "trace/pass/pass.h"

// Its lines are looked for, so it must not be inlined, nor have another name.
extern "C" __attribute__((noinline, used)) unsigned panda_coverage_test_function(unsigned value) {
    return value * 5 + 2;  // this line
}
static constexpr unsigned code_line = __LINE__ - 2;

namespace {

using namespace panda;
using namespace panda::trace_tests;
using namespace panda::coverage;

// Two address spaces; a program's blocks a, b and c, and the kernel's k (defined twice) and r (which ends an interrupt).
struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 5;
        TraceWriter writer(file.path(), {}, options);
        const uint32_t a = writer.define_block(block_at(0x400000, 2, true));
        const uint32_t b = writer.define_block(block_at(0x400010, 3, true));
        const uint32_t c = writer.define_block(block_at(0x400020, 4, true));
        const uint32_t k = writer.define_block(block_at(0xffffffff81000000, 5, false));
        const uint32_t again = writer.define_block(block_at(0xffffffff81000000, 5, false));
        const uint32_t r = writer.define_block(block_at(0xffffffff81000100, 2, false, true));
        writer.event({writer.instr(), AddressSpaceChange{0x1003}});
        writer.append_blocks(std::vector{a, b, a, b, c});
        writer.event({writer.instr(), Interrupt{32, InterruptSource::hardware}});
        writer.append_blocks(std::vector{k, r});  // an interrupt: a program's blocks go on behind it
        writer.append_blocks(std::vector{a});
        writer.append_partial(c, 1);
        writer.event({writer.instr(), Exception{14, 0, 0, 0x400021}});
        writer.append_blocks(std::vector{again, r, c});
        writer.event({writer.instr(), AddressSpaceChange{0x2000}});
        writer.append_blocks(std::vector(9, a));
        writer.finish();
    }
    TemporaryFile file;
};

struct Found {
    Found(const Sample& sample, const CollectOptions& collect, unsigned threads = 1)
        : reader(sample.file.path()),
          result(run_pass(reader, {.threads = threads},
                          [&](const PassState& state) { return AsidCoverage(state, collect); })) {}
    Findings findings() const { return {result.analyzer.collector()}; }

    TraceReader reader;
    PassResult<AsidCoverage> result;
};

std::string csv_of(const Found& found) {
    std::ostringstream out;
    write_csv(out, Owner::asid, covered_blocks(found.findings()));
    return out.str();
}

TEST_CASE("blocks are listed once, as PANDA writes them, whatever the number of threads") {
    const Sample sample;
    const CollectOptions collect;
    for (const unsigned threads : {1u, 4u})
        CHECK(csv_of(Found(sample, collect, threads)) ==
              "asid\n"
              "asid,in kernel,block address,block size\n"
              "0x1000,0,0x400000,2\n"
              "0x1000,0,0x400010,3\n"
              "0x1000,0,0x400020,4\n"
              "0x1000,1,0xffffffff81000000,5\n"
              "0x1000,1,0xffffffff81000100,2\n"
              "0x2000,0,0x400000,2\n");
    const Found found(sample, collect);
    const auto blocks = covered_blocks(found.findings());
    CHECK(blocks[0].executions == 3);
    CHECK(blocks[3].executions == 2);
    CHECK(blocks[5].executions == 9);
    const auto spaces = summarize(blocks);
    REQUIRE(spaces.size() == 2);
    CHECK(spaces[0].blocks == 5);
    CHECK(spaces[0].bytes == 16);
    CHECK(spaces[0].executions == 3 + 2 + 3 + 2 + 2);
}

TEST_CASE("a selection leaves out the rest") {
    const Sample sample;
    CollectOptions collect;
    collect.selection.privilege = Privilege::kernel;
    CHECK(covered_blocks(Found(sample, collect).findings()).size() == 2);
    collect.selection = {};
    collect.selection.asid = 0x2003;
    CHECK(covered_blocks(Found(sample, collect).findings()).size() == 1);
    collect.selection = {};
    collect.selection.include = {parse_pc_range("--pc", "0x400000-0x400013")};
    CHECK(covered_blocks(Found(sample, collect).findings()).size() == 3);
    collect.selection.include = {parse_pc_range("--pc", "0x400000-0x400012")};
    CHECK(covered_blocks(Found(sample, collect).findings()).size() == 2);
    collect.selection.include = {};
    collect.selection.exclude = {parse_pc_range("--exclude-pc", "0x400001-0x400011")};
    CHECK(covered_blocks(Found(sample, collect).findings()).size() == 3);
    for (const char* wrong : {"1", "2-1", "1-1", "x-2", "1-", "-"})
        CHECK_THROWS_AS(parse_pc_range("--pc", wrong), UsageError);
}

TEST_CASE("an edge leads from a block to the next one of its privilege") {
    const Sample sample;
    CollectOptions collect;
    collect.edges = true;
    const Found found(sample, collect);
    std::ostringstream out;
    write_csv(out, covered_edges(found.findings()));
    CHECK(out.str() ==
          "from pc,from size,to pc,to size\n"
          "0x400000,2,0x400010,3\n"
          "0x400010,3,0x400000,2\n"
          "0x400010,3,0x400020,4\n"
          "0xffffffff81000000,5,0xffffffff81000100,2\n"
          "0x400020,4,0x400000,2\n"
          "0x400000,2,0x400020,4\n"
          "0x400020,4,0x400020,4\n"
          "0x400000,2,0x400000,2\n");
    CHECK(covered_edges(found.findings())[0].executions == 2);
    CHECK(covered_edges(found.findings())[3].executions == 2);
}

TEST_CASE("instructions that a cut block did not come to do not count") {
    const Sample sample;
    const CollectOptions collect;
    const Found found(sample, collect);
    std::map<uint64_t, uint64_t> counts;
    for (const CoveredInstruction& instruction : covered_instructions(found.findings()))
        if (instruction.space.asid == 0x1000)
            counts[instruction.pc] = instruction.executions;
    CHECK(counts.size() == 16);
    CHECK(counts[0x400020] == 3);
    CHECK(counts[0x400021] == 2);
    CHECK(counts[0xffffffff81000004] == 2);
}

TEST_CASE("with a sink every execution is told") {
    const Sample sample;
    std::ostringstream out;
    FullCsv sink(out, Owner::asid);
    CollectOptions collect;
    collect.sink = &sink;
    const Found found(sample, collect);
    const std::string text = out.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 21);
    CHECK(text.starts_with("0x1000,0,0x400000,2\n0x1000,0,0x400010,3\n0x1000,0,0x400000,2\n"));
}

uint64_t number_at(const std::string& bytes, size_t at, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i)
        value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    return value;
}

TEST_CASE("a drcov file has modules and eight bytes for each block") {
    const Sample sample;
    const CollectOptions collect;
    const Found found(sample, collect);
    std::ostringstream out;
    write_drcov(out, covered_blocks(found.findings()), nullptr);
    const std::string text = out.str();
    CHECK(text.starts_with(
        "DRCOV VERSION: 2\n"
        "DRCOV FLAVOR: drcov\n"
        "Module Table: version 2, count 2\n"
        "Columns: id, base, end, entry, path\n"
        "0, 0x0000000000000000, 0x000000007fffffff, 0x0000000000000000, [0x0]\n"
        "1, 0xffffffff80000000, 0xffffffffffffffff, 0x0000000000000000, [0xffffffff80000000]\n"
        "BB Table: 5 bbs\n"));
    const size_t table = text.find(" bbs\n") + 5;
    REQUIRE(text.size() == table + 5 * 8);
    std::set<std::vector<uint64_t>> entries;
    for (size_t at = table; at < text.size(); at += 8)
        entries.insert({number_at(text, at, 4), number_at(text, at + 4, 2), number_at(text, at + 6, 2)});
    CHECK(entries ==
          std::set<std::vector<uint64_t>>{
              {0x400000, 2, 0}, {0x400010, 3, 0}, {0x400020, 4, 0}, {0x1000000, 5, 1}, {0x1000100, 2, 1}});
}

TEST_CASE("two runs are compared by what they have in common") {
    std::vector<CoveredBlock> first = {{{1, -1, -1, "ls"}, false, 0x10, 2, 7, 0},
                                       {{1, -1, -1, "ls"}, false, 0x20, 2, 1, 5},
                                       {{2, -1, -1, "cat"}, true, 0x30, 2, 1, 6}};
    std::vector<CoveredBlock> second = {{{9, -1, -1, "ls"}, false, 0x10, 2, 1, 0},
                                        {{9, -1, -1, "sh"}, true, 0x30, 2, 2, 5},
                                        {{9, -1, -1, "sh"}, false, 0x20, 2, 3, 6}};
    const Difference found = difference({first, nullptr}, {second, nullptr});
    CHECK(found.common == 2);
    std::ostringstream out;
    write_csv(out, found);
    CHECK(out.str() ==
          "run,process name,in kernel,module,offset,block size,executions\n"
          "1,ls,0,,0x20,2,1\n"
          "2,sh,0,,0x20,2,3\n");
}

TEST_CASE("a name does not change the number of columns") {
    std::ostringstream out;
    write_csv(out, Owner::thread, {{{1, 7, 8, "a,\"b\n"}, false, 0x10, 2, 7, 0}, {{}, true, 0x20, 1, 1, 3}});
    CHECK(out.str() ==
          "process\n"
          "process name,process id,thread id,in kernel,block address,block size\n"
          "a__b_,7,8,0,0x10,2\n"
          "(unknown),-1,-1,1,0x20,1\n");
}

TEST_CASE("runs of blocks leave out what serves interrupts") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    const BlockRunOptions options{.longest = 2};
    const auto result =
        run_pass(reader, {.threads = 1}, [&](const PassState& state) { return BlockRuns(state, options); });
    const auto& runs = result.analyzer.spaces().at(0x1000).runs;
    const uint64_t a = 0x400000;
    const uint64_t b = 0x400010;
    const uint64_t c = 0x400020;
    CHECK(runs == std::map<BlockRun, uint64_t>{{{a}, 3},
                                               {{b}, 2},
                                               {{c}, 3},
                                               {{a, b}, 2},
                                               {{b, a}, 1},
                                               {{b, c}, 1},
                                               {{c, a}, 1},
                                               {{a, c}, 1},
                                               {{c, c}, 1}});
    CHECK(result.analyzer.spaces().at(0x2000).runs.at({a, a}) == 8);

    TraceReader again(sample.file.path());
    const BlockRunOptions late{.longest = 1, .begin = c};
    const auto rest =
        run_pass(again, {.threads = 1}, [&](const PassState& state) { return BlockRuns(state, late); });
    CHECK(rest.analyzer.spaces().at(0x1000).runs == std::map<BlockRun, uint64_t>{{{a}, 1}, {{c}, 3}});
    CHECK_FALSE(rest.analyzer.spaces().contains(0x2000));
}

TEST_CASE("a file tells all lines of its code") {
    osi::ElfFile file(std::filesystem::read_symlink("/proc/self/exe"));
    const osi::LineTable table = file.lines();
    const auto function = file.symbols().address_of("panda_coverage_test_function");
    REQUIRE(function);
    std::set<unsigned> lines;
    for (const osi::LineRange& range : table.ranges) {
        REQUIRE(range.start < range.end);
        REQUIRE(range.file < table.files.size());
        if (table.files[range.file].ends_with("coverage_test.cc"))
            lines.insert(range.line);
        // The same as for a single address.
        if (range.start >= *function && range.start < *function + 4)
            CHECK(file.line(range.start)->line == range.line);
    }
    CHECK(lines.contains(code_line));
}

}  // namespace
