// The small analyzers of what was executed, on traces of known content.
#include <catch2/catch_test_macros.hpp>

#include "analyzers/execution/counts.h"
#include "analyzers/execution/listing.h"
#include "analyzers/execution/mmio.h"
#include "analyzers/execution/pc_search.h"
#include "common/hex.h"
#include "tests/unit/trace_generator.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;
using namespace panda::execution;

struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 3;
        TraceWriter writer(file.path(), {}, options);
        const uint32_t user = writer.define_block(block_at(0x400000, 3, true));
        const uint32_t kernel = writer.define_block(block_at(0xffffffff81000000, 4, false));
        const uint32_t back = writer.define_block(block_at(0xffffffff81000100, 2, false, true));
        writer.event({writer.instr(), AddressSpaceChange{0x1003}});
        writer.append_blocks(std::vector{user, user});  // 6
        writer.event({writer.instr(), Interrupt{32, InterruptSource::hardware}});
        writer.append_blocks(std::vector{kernel});
        writer.event({writer.instr(), Exception{14, 0, 0, 0xffffffff81000004}});
        writer.append_blocks(
            std::vector{kernel, back, kernel, back});  // the exception's, then the interrupt's rest
        writer.append_partial(user, 1);
        writer.event({writer.instr(), Exception{14, 0, 0, 0x400001}});
        writer.append_blocks(std::vector{back});
        writer.event({writer.instr(), AddressSpaceChange{0x2000}});
        writer.append_blocks(std::vector{user});
        writer.finish();
    }
    TemporaryFile file;
};

template <typename Make>
auto pass_over(const Sample& sample, unsigned threads, const Make& make) {
    TraceReader reader(sample.file.path());
    return run_pass(reader, {.threads = threads}, make).analyzer;
}

TEST_CASE("an address is found each time it runs") {
    const Sample sample;
    PcSearchOptions options{{{0x400001, 0x400002}}, false};
    for (const unsigned threads : {1u, 3u}) {
        const auto hits = pass_over(sample, threads, [&](const PassState& state) {
                              return PcSearch(state, options);
                          }).hits();
        // The third one is the instruction that faults.
        const uint64_t before_fault = 6 + 4 + 4 + 2 + 4 + 2 + 1;
        CHECK(hits == std::vector<PcHit>{{1, 0x400001, 0x1000},
                                         {4, 0x400001, 0x1000},
                                         {before_fault, 0x400001, 0x1000},
                                         {before_fault + 2 + 1, 0x400001, 0x2000}});
    }
    options.first_last_only = true;
    options.ranges = {{0x400000, 0x400002}};
    for (const unsigned threads : {1u, 3u}) {
        const auto hits = pass_over(sample, threads, [&](const PassState& state) {
                              return PcSearch(state, options);
                          }).hits();
        REQUIRE(hits.size() == 4);
        CHECK(hits[0] == PcHit{0, 0x400000, 0x1000});
        CHECK(hits[3].asid == 0x2000);
    }
}

TEST_CASE("instructions count for the address space that they run in") {
    const Sample sample;
    for (const unsigned threads : {1u, 3u}) {
        const auto found =
            pass_over(sample, threads, [](const PassState& state) { return AsidInstructions(state); });
        CHECK(found.counts().at(0x1000) == 6 + 4 + 4 + 2 + 4 + 2 + 1 + 2);
        CHECK(found.counts().at(0x2000) == 3);
        CHECK(found.left_out() == 0);
    }
}

TEST_CASE("code serves what was entered last and not left") {
    const Sample sample;
    const auto found = pass_over(sample, 1, [](const PassState& state) { return ServedCode(state); });
    using Kind = ServedCode::Kind;
    CHECK(found.of(Kind::none).instructions == 6 + 1 + 3);
    CHECK(found.of(Kind::interrupt).instructions == 4 + 4 + 2);
    CHECK(found.of(Kind::exception).instructions == 4 + 2 + 2);
    CHECK(found.of(Kind::interrupt).entered == 1);
    CHECK(found.of(Kind::exception).entered == 2);
}

TEST_CASE("each instruction that ended is listed once, with its accesses") {
    TemporaryFile file;
    WriterOptions options;
    options.memory = MemoryColumns::values;
    {
        TraceWriter writer(file.path(), {}, options);
        writer.begin_chunk({});
        BlockDefinition definition = block_at(0x400000, 3, true);
        definition.operations.resize(2);
        definition.operations[1].instruction = 2;
        definition.operations[1].store = true;
        const uint32_t user = writer.define_block(definition);
        const uint32_t kernel = writer.define_block(block_at(0xffffffff81000000, 2, false));
        writer.event({writer.instr(), AddressSpaceChange{0x1003}});
        const uint64_t words[] = {0x7000, 0x7100, 0xabcd};
        writer.append(user, words);
        writer.append(kernel, words);
        writer.finish();
    }
    TraceReader reader(file.path());
    std::vector<std::string> lines;
    const TakeInstruction take = [&](const ListedInstruction& listed) {
        std::string line = std::to_string(listed.instr) + " " + hex(listed.pc) + " " + hex_bytes(listed.code);
        for (const Access& access : listed.accesses)
            line += (access.is_store() ? " w" : " r") + hex(access.address) + "=" + hex(access.value);
        lines.push_back(line);
    };
    ListingOptions wanted;
    wanted.kernel = false;
    auto listing = run_pass(reader, {.in_order = true}, [&](const PassState& state) {
                       return Listing<false>(state, wanted, take);
                   }).analyzer;
    listing.finish();
    // No snapshot says what the load finds.
    CHECK(lines ==
          std::vector<std::string>{"0 0x400000 90", "1 0x400001 90", "2 0x400002 90 w0x7100=0xabcd"});
}

TEST_CASE("devices at fixed addresses have names") {
    CHECK(std::string(device_at(0xfee00020)) == "apic");
    CHECK(std::string(device_at(0xfec00000)) == "ioapic");
    CHECK(std::string(device_at(0xbffff)) == "vga");
    CHECK(std::string(device_at(0xc0000)).empty());
}

}  // namespace
