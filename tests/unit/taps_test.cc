// What is counted and found in the streams of tap points.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>
#include <random>
#include <tuple>

#include "analyzers/strings/pattern_set.h"
#include "analyzers/strings/string_search.h"
#include "analyzers/strings/text_runs.h"
#include "analyzers/taps/byte_counts.h"
#include "analyzers/taps/correlation.h"
#include "analyzers/taps/pair_counts.h"
#include "common/error.h"
#include "tests/unit/tap_stream.h"

using namespace panda;
using namespace panda::strings;
using namespace panda::taps;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string random_text(std::mt19937& random, size_t size, unsigned letters) {
    std::string text;
    for (size_t i = 0; i < size; ++i)
        text += static_cast<char>('a' + random() % letters);
    return text;
}

template <typename Counts>
struct Counter {
    Counts counts;
    void take(const TapAccess& access) { counts.add(access); }
};

}  // namespace

TEST_CASE("every occurrence of every string is found, as a plain search finds them") {
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::string> strings;
        for (unsigned i = 0; i <= random() % 6; ++i)
            strings.push_back(random_text(random, 1 + random() % 5, 2));
        const PatternSet set(strings);
        const std::string text = random_text(random, 60, 3);
        std::map<std::pair<size_t, uint32_t>, int> found;
        uint32_t state = 0;
        for (size_t i = 0; i < text.size(); ++i)
            state = set.next(state, static_cast<uint8_t>(text[i]),
                             [&](uint32_t string) { ++found[{i, string}]; });
        std::map<std::pair<size_t, uint32_t>, int> expected;
        for (uint32_t string = 0; string < strings.size(); ++string)
            for (size_t at = text.find(strings[string]); at != std::string::npos;
                 at = text.find(strings[string], at + 1))
                ++expected[{at + strings[string].size() - 1, string}];
        REQUIRE(found == expected);
    }
}

TEST_CASE("a list of strings has texts and bytes") {
    CHECK(parse_strings("\"hello\"\n\nde:AD:00\r\n\"a\"b\"\n", "list") ==
          std::vector<std::string>{"hello", std::string("\xde\xad\0", 3), "a\"b"});
    for (const char* wrong : {"hello", "\"", "\"\"", "de:a", "de:", ":de", "d", "deed", "\"open", "12:34:zz"})
        CHECK_THROWS_AS(parse_strings(std::string("\"x\"\n") + wrong, "list"), FileError);
    CHECK_THROWS_WITH(parse_strings("\"x\"\nno", "list"),
                      ContainsSubstring("list") && ContainsSubstring("line 2"));
    CHECK_THROWS_AS(PatternSet({}), Error);
    CHECK_THROWS_AS(PatternSet({std::string(PatternSet::max_bytes + 1, 'x')}), Error);
    CHECK(string_text("abc") == "\"abc\"");
    CHECK(string_text(std::string("a\0", 2)) == "61:00");
}

TEST_CASE("a string is found in each tap's stream, however it is cut, and not across taps") {
    const PatternSet set({"secret", "ret", std::string("\0\0z", 3)});
    std::vector<std::tuple<uint32_t, bool, uint32_t, uint64_t>> found;
    StringSearch search(set, [&](const StringMatch& match) {
        found.emplace_back(match.access.tap, match.access.write, match.string, match.address);
    });
    TapStream stream;
    for (const size_t size : {1u, 2u, 3u, 5u, 8u, 16u}) {
        found.clear();
        stream.give_all(search, 3, true, "a sesecret.    ", size, 0x2000);
        std::sort(found.begin(), found.end());
        CHECK(found == decltype(found){{3, true, 0, 0x2009}, {3, true, 1, 0x2009}});
    }
    found.clear();
    stream.give(search, 1, true, "sec");
    stream.give(search, 2, true, "ret.");
    stream.give(search, 1, false, "ret.");
    CHECK(found.size() == 2);  // "ret" twice
    stream.give(search, 1, true, "ret");
    CHECK(found.size() == 4);
    found.clear();
    stream.give(search, 9, true, std::string("\0\0z", 3));
    CHECK(found.size() == 1);
}

TEST_CASE("bytes are counted, whatever their number and their size") {
    std::mt19937_64 random(3);
    TapStream stream;
    Counter<ByteCounts> counter;
    std::map<uint32_t, Histogram> expected;
    for (int i = 0; i < 20'000; ++i) {
        const auto tap = static_cast<uint32_t>(random() % (random() % 300 + 1));
        const size_t size = size_t{1} << random() % 5;
        std::string bytes(size, '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(random() % 3 == 0 ? random() : random() % 2 == 0 ? 0 : 0xff);
        stream.give(counter, tap, true, bytes);
        for (const char byte : bytes)
            ++expected[tap][static_cast<uint8_t>(byte)];
    }
    for (uint32_t tap = 0; tap < 310; ++tap)
        REQUIRE(counter.counts.histogram(tap) == (expected.contains(tap) ? expected[tap] : Histogram{}));
    Histogram even{};
    even.fill(7);
    CHECK(ByteCounts::entropy(even) == 8);
    CHECK(ByteCounts::total(even) == 7 * 256);
}

TEST_CASE("pairs of bytes go on from one access to the next") {
    std::mt19937 random(5);
    TapStream stream;
    Counter<PairCounts> counter;
    std::string all;
    for (int i = 0; i < 3000; ++i) {
        std::string bytes;
        for (unsigned j = 0; j <= random() % 16; ++j)
            bytes += static_cast<char>(random() % 4 == 0 ? random() : 'x');
        stream.give(counter, 1, true, bytes);
        all += bytes;
    }
    std::map<uint16_t, uint32_t> expected;
    for (size_t i = 1; i < all.size(); ++i)
        ++expected[static_cast<uint16_t>(static_cast<uint8_t>(all[i - 1]) << 8 |
                                         static_cast<uint8_t>(all[i]))];
    const auto pairs = counter.counts.pairs(1);
    CHECK(std::map<uint16_t, uint32_t>(pairs.begin(), pairs.end()) == expected);
    CHECK(pairs.size() == expected.size());
    CHECK(counter.counts.bytes(1) == all.size());
    CHECK(counter.counts.pairs(0).empty());
}

TEST_CASE("taps that write beside each other are pairs") {
    Correlation correlation;
    correlation.write(1, 100, 4);
    correlation.write(1, 104, 4);  // goes on
    correlation.write(2, 108, 8);  // behind tap 1
    correlation.write(3, 96, 4);   // before tap 1
    correlation.write(3, 500, 4);  // elsewhere: its range is another one now
    correlation.write(4, 92, 4);   // so this is beside nothing
    using Counts = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;
    CHECK(correlation.counts() == Counts{{{1, 2}, 1}, {{3, 1}, 1}});
    for (uint32_t tap = 10; tap < 15; ++tap)
        correlation.write(tap, 1000 * tap, 1);
    correlation.write(20, 116, 1);  // tap 2 is forgotten
    CHECK(correlation.counts().size() == 2);
}

TEST_CASE("texts are told when they are over") {
    std::vector<std::string> texts;
    TextRuns runs(4, [&](const TextRun& run) {
        texts.push_back(std::string(run.wide ? "U:" : "A:") + (run.write ? "w:" : "r:") + run.text);
    });
    TapStream stream;
    stream.give_all(runs, 0, false, std::string_view("hello\0wor\0", 10), 3);
    CHECK(texts == std::vector<std::string>{"A:r:hello"});
    texts.clear();
    stream.give_all(runs, 1, true, std::string_view("w\0i\0d\0e\0\xff\0no\0t\0", 16), 4);
    CHECK(texts == std::vector<std::string>{"U:w:wide"});
    texts.clear();
    stream.give_all(runs, 2, true, std::string(300, 'x') + "yz", 8);
    runs.finish();
    CHECK(texts ==
          std::vector<std::string>{"A:w:" + std::string(256, 'x'), "A:w:" + std::string(44, 'x') + "yz"});
}

TEST_CASE("taps have numbers by caller, instruction and address space") {
    trace::BlockTable blocks;
    trace::BlockDefinition definition;
    definition.pc = 0x1000;
    definition.guest_size = 6;
    definition.code = Bytes(6);
    definition.instruction_offsets = {0, 2, 5};
    blocks.append(definition);
    TapNumbers numbers;
    const uint32_t first = numbers.row(blocks, 0, 0xa, 0)[2];
    CHECK(numbers[first] == Tap{0xa, 0x1005, 0});
    CHECK(numbers.row(blocks, 0, 0xa, 0)[2] == first);
    CHECK(numbers.row(blocks, 0, 0xb, 0)[2] != first);
    CHECK(numbers.row(blocks, 0, 0xa, 7)[2] != first);
    CHECK(numbers.row(blocks, 0, 0xa, 0)[0] == 3);
    CHECK(numbers.size() == 4);
    const auto sorted = numbers.sorted();
    CHECK(numbers[sorted[0]].pc == 0x1000);
    CHECK(numbers[sorted[3]] == Tap{0xb, 0x1005, 0});
    TapNumbers some([](const Tap& tap) { return tap.asid == 7; });
    CHECK(some.row(blocks, 0, 0xa, 0)[1] == TapNumbers::unwanted);
    CHECK(some.row(blocks, 0, 0xa, 0)[1] == TapNumbers::unwanted);
    CHECK(some.row(blocks, 0, 0xa, 7)[1] == 0);
    CHECK(some.size() == 1);
}
