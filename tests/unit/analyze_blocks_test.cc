// panda-analyze blocks on traces of known content.
#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "analyzers/blocks/report.h"
#include "tests/unit/trace_generator.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;
using namespace panda::analyze_blocks;

// Two address spaces; a program's block of 2 instructions, a kernel's of 5 that is defined twice.
struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 7;
        TraceWriter writer(file.path(), {}, options);
        const uint32_t user = writer.define_block(block_at(0x400000, 2, true));
        const uint32_t kernel = writer.define_block(block_at(0xffffffff81000000, 5, false));
        const uint32_t again = writer.define_block(block_at(0xffffffff81000000, 5, false));
        writer.event({writer.instr(), AddressSpaceChange{0x1003}});
        writer.append_blocks(std::vector(10, user));   // 20 instructions
        writer.append_blocks(std::vector(4, kernel));  // 20
        writer.append_partial(kernel, 3);              // 3
        writer.event({writer.instr(), AddressSpaceChange{0x2000}});
        writer.append_blocks(std::vector(3, again));  // 15
        writer.skip(1000);
        writer.append_blocks(std::vector(20, user));  // 40
        writer.finish();
    }
    TemporaryFile file;
};

Report report_of(const Sample& sample, const Selection& selection, uint64_t top = 0, unsigned threads = 0) {
    TraceReader reader(sample.file.path());
    auto result = run_pass(reader, {.threads = threads},
                           [&](const PassState& state) { return HotBlocks(state, selection); });
    return make_report(result.analyzer, reader.blocks(), top);
}

TEST_CASE("blocks are counted by place and address space") {
    const Sample sample;
    for (const unsigned threads : {1u, 3u}) {
        const Report report = report_of(sample, {}, 0, threads);
        CHECK(report.instructions == 98);
        CHECK(report.kernel == 38);
        CHECK(report.user == 60);
        CHECK(report.executions == 38);
        REQUIRE(report.places.size() == 2);
        CHECK(report.places[0].pc == 0x400000);
        CHECK(report.places[0].user);
        CHECK(report.places[0].executions == 30);
        CHECK(report.places[1].instructions == 38);
        CHECK(report.places[1].executions == 8);
        REQUIRE(report.spaces.size() == 2);
        CHECK(report.spaces[0].asid == 0x2000);
        CHECK(report.spaces[0].count.user == 40);
        CHECK(report.spaces[0].count.kernel == 15);
        CHECK(report.spaces[0].count.first_instr == 43);
        CHECK(report.spaces[0].count.last_instr == 1098);
        CHECK(report.spaces[1].asid == 0x1000);
        CHECK(report.spaces[1].count.kernel == 23);
        CHECK(report.spaces[1].count.user == 20);
    }
}

TEST_CASE("a selection counts only what it selects") {
    const Sample sample;
    const Report kernel = report_of(sample, {.privilege = Privilege::kernel});
    CHECK(kernel.instructions == 38);
    CHECK(kernel.places.size() == 1);
    const Report space = report_of(sample, {.asid = 0x1000});
    CHECK(space.instructions == 43);
    CHECK(space.spaces.size() == 1);
    const Report both = report_of(sample, {.asid = 0x1000, .privilege = Privilege::user});
    CHECK(both.instructions == 20);
    const Report first = report_of(sample, {}, 1);
    CHECK(first.places.size() == 1);
    CHECK(first.place_count == 2);
    CHECK(first.instructions == 98);
}

TEST_CASE("JSON is a line for the sum, each space and each place") {
    const Sample sample;
    std::ostringstream out;
    write_json(out, report_of(sample, {}));
    const std::string text = out.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 5);
    CHECK(
        text.find(
            R"({"kind":"block","pc":"0x400000","mode":"user","size":2,"executions":30,"instructions":60})") !=
        std::string::npos);
    std::ostringstream table;
    write_table(table, report_of(sample, {}));
    CHECK(table.str().find("ffffffff81000000 kernel     5") != std::string::npos);
}

}  // namespace
