// panda-analyze-bigrams: how often each pair of successive bytes is written at each tap point.
#include <iostream>

#include "analyzers/taps/pair_counts.h"
#include "analyzers/taps/tap_file.h"
#include "analyzers/taps/tap_program.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;

struct Bigrams {
    static constexpr auto wants = Wants::writes;
    void take(const TapAccess& access) { counts.add(access); }
    PairCounts counts;
};

void add_options(po::options_description& options) {
    add_file_option(options, "output", "bigram_mem_report.bin", "where to write the counts");
    options.add_options()("least", number_value()->value_name("BYTES")->default_value(80),
                          "leave out taps that write fewer bytes");
    add_tap_options(options);
}

void analyze(Run& run) {
    const uint64_t least = run.number("least");
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("output"));
    TapNumbers taps(wanted_taps(run));
    Bigrams bigrams;
    run_tap_pass(run, taps, bigrams);
    TapFile file(run.text("output"), reader.header());
    file.write_address_size();
    uint64_t written = 0;
    for (const uint32_t number : taps.sorted()) {
        if (bigrams.counts.bytes(number) < least)
            continue;
        const auto pairs = bigrams.counts.pairs(number);
        file.write_tap(taps[number]);
        file.write_u32(static_cast<uint32_t>(pairs.size()));
        for (const auto& [key, count] : pairs) {
            file.write_u16(key);
            file.write_u32(count);
        }
        ++written;
    }
    file.close();
    if (run.json())
        write_json_line(std::cout, {{"kind", "summary"}, {"taps", taps.size()}, {"in_file", written}});
    else
        std::cout << taps.size() << " taps, " << written << " of them with " << least << " bytes or more\n";
}

constexpr analyzers::Program program = {
    .name = "bigrams",
    .summary = "how often each pair of successive bytes is written at each tap point",
    .description =
        "Counts pairs of successive bytes that each tap point writes.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
