// Two traces aligned.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/trace_generator.h"
#include "trace/edit/align.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

// A trace of blocks of two instructions at these numbers times 16; defined in an order of its own.
class Written {
  public:
    Written(const std::vector<uint64_t>& numbers, bool backwards) {
        WriterOptions options;
        options.chunk_blocks = 10;
        TraceWriter writer(file.path(), {}, options);
        std::map<uint64_t, uint32_t> ids;
        for (uint64_t i = 0; i < 100; ++i) {
            BlockDefinition block;
            const uint64_t number = backwards ? 99 - i : i;
            block.pc = number * 16;
            block.flags = number % 2 == 0 ? 3 : 0;
            block.guest_size = 2;
            block.instruction_offsets = {0, 1};
            ids[number] = writer.define_block(block);
        }
        for (const uint64_t number : numbers)
            writer.append_blocks(std::vector{ids[number]});
        writer.finish();
    }
    TemporaryFile file;
};

struct Found {
    Alignment alignment;
    std::vector<TraceDifference> differences;
};

Found compare(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b, const AlignOptions& options) {
    const Written first(a, false);
    const Written second(b, true);
    TraceReader first_reader(first.file.path());
    TraceReader second_reader(second.file.path());
    Found found;
    found.alignment = align(first_reader, second_reader, options, [&](const TraceDifference& difference) {
        found.differences.push_back(difference);
        return true;
    });
    return found;
}

std::vector<uint64_t> numbers_of(const std::vector<AlignedBlock>& blocks) {
    std::vector<uint64_t> numbers;
    for (const AlignedBlock& block : blocks)
        numbers.push_back(block.pc / 16);
    return numbers;
}

constexpr AlignOptions short_runs{.run = 3, .window = 20, .context = 2};

TEST_CASE("traces of the same executions do not differ, whatever their definitions' numbers") {
    const Found found = compare({1, 2, 3, 4, 5, 1, 2}, {1, 2, 3, 4, 5, 1, 2}, short_runs);
    CHECK(found.differences.empty());
    CHECK(found.alignment.complete);
    CHECK(found.alignment.common == 7);
    CHECK(found.alignment.common_instructions == 14);
}

TEST_CASE("what one trace has alone is told, and then they meet again") {
    const Found found =
        compare({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 40, 41, 4, 5, 6, 80, 81, 9, 10, 11}, short_runs);
    REQUIRE(found.differences.size() == 2);
    CHECK(found.differences[0].common == 3);
    CHECK(numbers_of(found.differences[0].before) == std::vector<uint64_t>{2, 3});
    CHECK(found.differences[0].first.empty());
    CHECK(numbers_of(found.differences[0].second) == std::vector<uint64_t>{40, 41});
    CHECK(found.differences[0].meets);
    // A run of one is not enough to meet.
    CHECK_FALSE(found.differences[1].meets);
    CHECK(numbers_of(found.differences[1].first) == std::vector<uint64_t>{7, 8, 9});
    CHECK(numbers_of(found.differences[1].second) == std::vector<uint64_t>{80, 81, 9});
    CHECK_FALSE(found.alignment.complete);
    CHECK(found.alignment.common == 6);
}

TEST_CASE("a trace that ends earlier differs there") {
    const Found found = compare({1, 2, 3}, {1, 2, 3, 4}, short_runs);
    REQUIRE(found.differences.size() == 1);
    CHECK(found.differences[0].first.empty());
    CHECK(numbers_of(found.differences[0].second) == std::vector<uint64_t>{4});
    CHECK_FALSE(found.differences[0].meets);
}

TEST_CASE("programs alone are compared, from a place on") {
    AlignOptions options = short_runs;
    options.user_only = true;
    CHECK(compare({2, 1, 4, 3, 6}, {2, 5, 5, 4, 6, 7}, options).differences.empty());
    options.user_only = false;
    options.first_range.from = 4;
    options.second_range.from = 2;
    CHECK(compare({90, 91, 3, 4, 5}, {70, 3, 4, 5}, options).differences.empty());
}

}  // namespace
