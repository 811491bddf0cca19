// Call paths, what is counted of them, and the files that other programs read.
#include "analyzers/profile/profile.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "analyzers/profile/profile_files.h"
#include "common/bytes.h"

using namespace panda;
using namespace panda::profile;
using Catch::Matchers::ContainsSubstring;

namespace {

// main calls work, which calls itself once, and write; two threads of one process.
Profile sample() {
    Profile profile;
    profile.functions = {"[unknown]", "[firmware]", "main [demo]", "work<int>(a;b) [demo]", "write [kernel]"};
    profile.owners = {{}, {7, 7, "demo"}, {7, 8, "demo"}};
    const uint32_t main = profile.paths.child(0, 2);
    const uint32_t work = profile.paths.child(main, 3);
    const uint32_t again = profile.paths.child(work, 3);
    const uint32_t write = profile.paths.child(main, 4);
    profile.counts = {{{1, main}, 10}, {{1, work}, 20},  {{1, again}, 30},
                      {{2, again}, 5}, {{2, write}, 40}, {{0, 0}, 0}};
    return profile;
}

}  // namespace

TEST_CASE("a path is a node, and so is each of its beginnings") {
    PathTree tree;
    const uint32_t a = tree.child(0, 1);
    const uint32_t b = tree.child(a, 2);
    CHECK(tree.child(0, 1) == a);
    CHECK(tree.child(a, 2) == b);
    CHECK(tree.child(0, 2) != b);
    CHECK(tree.functions(b) == std::vector<uint32_t>{1, 2});
    CHECK(tree.functions(0).empty());
    uint32_t deep = 0;
    for (unsigned i = 0; i < 10'000; ++i)
        deep = tree.child(deep, 5);
    CHECK(tree.functions(deep).size() == 4096);  // endless recursion ends
}

TEST_CASE("functions count once for what they call, however deep they call themselves") {
    const auto counts = function_counts(path_counts(sample(), GroupBy::all));
    REQUIRE(counts.size() == 3);
    CHECK(counts[0].name == "work<int>(a;b) [demo]");
    CHECK(counts[0].self == 55);
    CHECK(counts[0].total == 55);
    CHECK(counts[1].name == "write [kernel]");
    CHECK(counts[2].name == "main [demo]");
    CHECK(counts[2].self == 10);
    CHECK(counts[2].total == 105);
}

TEST_CASE("paths are grouped by process and by thread") {
    std::set<std::string> groups;
    for (const PathCount& path : path_counts(sample(), GroupBy::thread))
        groups.insert(path.group);
    CHECK(groups == std::set<std::string>{"(unknown)", "demo (7/7)", "demo (7/8)"});
    uint64_t sum = 0;
    for (const PathCount& path : path_counts(sample(), GroupBy::process))
        sum += path.group == "demo (7)" ? path.instructions : 0;
    CHECK(sum == 105);
}

TEST_CASE("folded stacks have a line a path") {
    std::ostringstream out;
    write_folded(out, path_counts(sample(), GroupBy::process));
    CHECK_THAT(out.str(),
               ContainsSubstring("demo (7);main [demo];work<int>(a:b) [demo];work<int>(a:b) [demo] 35\n"));
    CHECK_THAT(out.str(), ContainsSubstring("demo (7);main [demo] 10\n"));
}

TEST_CASE("a flame graph has a rectangle a path, as wide as it is large") {
    std::ostringstream out;
    write_flame_graph(out, path_counts(sample(), GroupBy::all), "a \"title\" <x>");
    const std::string svg = out.str();
    CHECK_THAT(svg, ContainsSubstring("width=\"1600\""));
    CHECK_THAT(svg, ContainsSubstring("a &quot;title&quot; &lt;x&gt;"));
    CHECK_THAT(svg,
               ContainsSubstring("<title>main [demo] (105 instructions, 100.00 %)</title><rect x=\"10.0\""));
    CHECK_THAT(svg, ContainsSubstring("<title>write [kernel] (40 instructions, 38.10 %)</title>"));
    CHECK_THAT(svg, ContainsSubstring("width=\"601.6\""));  // 40 of 105, of 1580 pixels
    size_t rectangles = 0;
    for (size_t at = svg.find("<g>"); at != std::string::npos; at = svg.find("<g>", at + 1))
        ++rectangles;
    CHECK(rectangles == 4);
    std::ostringstream empty;
    write_flame_graph(empty, {}, "nothing");
    CHECK_THAT(empty.str(), ContainsSubstring("</svg>"));
}

TEST_CASE("speedscope gets stacks and weights by group") {
    std::ostringstream out;
    write_speedscope(out, path_counts(sample(), GroupBy::process), "title");
    const auto json = nlohmann::json::parse(out.str());
    const auto& frames = json["shared"]["frames"];
    uint64_t weight = 0;
    for (const auto& profile : json["profiles"]) {
        REQUIRE(profile["samples"].size() == profile["weights"].size());
        uint64_t sum = 0;
        for (const auto& one : profile["weights"])
            sum += one.get<uint64_t>();
        CHECK(profile["endValue"] == sum);
        for (const auto& stack : profile["samples"])
            for (const auto& frame : stack)
                CHECK(frame.get<size_t>() < frames.size());
        weight += sum;
    }
    CHECK(weight == 105);
    CHECK(frames.size() == 3);
}

TEST_CASE("pprof's fields are where its readers look") {
    const Bytes bytes = pprof_of(path_counts(sample(), GroupBy::all));
    // Field numbers and lengths, one message after another.
    ByteReader reader(bytes);
    std::map<unsigned, unsigned> fields;
    std::vector<std::string> strings;
    while (!reader.at_end()) {
        const uint64_t key = reader.get_varint();
        REQUIRE((key & 7) == 2);
        const auto content = reader.take(reader.get_varint());
        ++fields[static_cast<unsigned>(key >> 3)];
        if (key >> 3 == 6)
            strings.emplace_back(reinterpret_cast<const char*>(content.data()), content.size());
    }
    CHECK(fields == std::map<unsigned, unsigned>{{1, 1}, {2, 5}, {4, 3}, {5, 3}, {6, 6}});
    CHECK(strings[0].empty());
    CHECK(strings[1] == "instructions");
    CHECK(std::find(strings.begin(), strings.end(), "main [demo]") != strings.end());
}
