// panda-analyze-correlatetaps: tap points that write beside each other, one soon after the other.
#include <algorithm>
#include <iostream>

#include "analyzers/taps/correlation.h"
#include "analyzers/taps/tap_file.h"
#include "analyzers/taps/tap_program.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;

void add_options(po::options_description& options) {
    add_file_option(options, "output", "correlated_taps.bin", "where to write the pairs");
    options.add_options()("top", number_value()->value_name("N")->default_value(20), "print this many pairs");
    add_tap_options(options);
}

struct Pair {
    Tap lower;
    Tap higher;
    uint64_t count;
};

void report(Run& run, std::vector<Pair> pairs) {
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const Pair& a, const Pair& b) { return a.count > b.count; });
    if (!run.json()) {
        std::cout << pairs.size() << " pairs of taps\n";
        pairs.resize(std::min<size_t>(pairs.size(), run.number("top")));
    }
    for (const Pair& pair : pairs) {
        if (run.json()) {
            Json lower = Json::object();
            Json higher = Json::object();
            add_tap(lower, pair.lower);
            add_tap(higher, pair.higher);
            write_json_line(std::cout,
                            {{"kind", "pair"}, {"lower", lower}, {"higher", higher}, {"count", pair.count}});
        } else {
            std::cout << tap_text(pair.lower) << "  " << tap_text(pair.higher) << "  " << pair.count << '\n';
        }
    }
}

void analyze(Run& run) {
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("output"));
    TapNumbers taps(wanted_taps(run));
    Correlation correlation;
    run_tap_pass(run, taps, correlation);
    TapFile file(run.text("output"), reader.header());
    std::vector<Pair> pairs;
    for (const auto& [numbers, count] : correlation.counts()) {
        pairs.push_back({taps[numbers.first], taps[numbers.second], count});
        file.write_tap(pairs.back().lower);
        file.write_tap(pairs.back().higher);
        file.write_u32(static_cast<uint32_t>(std::min<uint64_t>(count, 0x7fff'ffff)));
    }
    file.close();
    report(run, std::move(pairs));
}

constexpr analyzers::Program program = {
    .name = "correlatetaps",
    .summary = "tap points that write beside each other, one soon after the other",
    .description =
        "Finds tap points that fill one buffer together.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
