// panda-analyze-textfinder: how often each byte value is written at each tap point; what came before unigrams.
#include <iostream>

#include "analyzers/taps/byte_counts.h"
#include "analyzers/taps/tap_program.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;

struct Written {
    static constexpr auto wants = Wants::writes;
    void take(const TapAccess& access) { counts.add(access); }
    ByteCounts counts;
};

void add_options(po::options_description& options) {
    add_file_option(options, "output", "mem_report.bin", "where to write the histograms");
    add_tap_options(options);
}

void analyze(Run& run) {
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("output"));
    TapNumbers taps(wanted_taps(run));
    Written written;
    run_tap_pass(run, taps, written);
    const uint64_t bytes = write_histograms(run.text("output"), reader.header(), taps, written.counts);
    if (run.json())
        write_json_line(std::cout, {{"kind", "summary"}, {"taps", taps.size()}, {"bytes", bytes}});
    else
        std::cout << taps.size() << " taps wrote " << bytes << " bytes\n";
}

constexpr analyzers::Program program = {
    .name = "textfinder",
    .summary = "how often each byte value is written at each tap point",
    .description =
        "Writes a histogram of the bytes that each tap point writes; unigrams does so for reads as well.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
