// panda-analyze-unigrams: how often each byte value is read and written at each tap point.
#include <cctype>
#include <cstdio>
#include <iostream>

#include "analyzers/taps/byte_counts.h"
#include "analyzers/taps/tap_program.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;

struct Unigrams {
    static constexpr auto wants = Wants::values;
    void take(const TapAccess& access) { (access.write ? writes : reads).add(access); }
    ByteCounts reads;
    ByteCounts writes;
};

double printable_share(const Histogram& histogram) {
    uint64_t printable = 0;
    for (unsigned byte = 0x20; byte < 0x7f; ++byte)
        printable += histogram[byte];
    return static_cast<double>(printable) / static_cast<double>(ByteCounts::total(histogram));
}

void report(Run& run, const char* direction, const TapNumbers& taps, const ByteCounts& counts) {
    std::vector<TapLine> lines;
    for (uint32_t number = 0; number < taps.size(); ++number) {
        const Histogram histogram = counts.histogram(number);
        const uint64_t bytes = ByteCounts::total(histogram);
        if (bytes == 0)
            continue;
        if (run.json()) {
            Json object = {{"kind", "unigrams"}, {"direction", direction}};
            add_tap(object, taps[number]);
            object.update({{"bytes", bytes},
                           {"entropy", ByteCounts::entropy(histogram)},
                           {"printable", printable_share(histogram)}});
            write_json_line(std::cout, object);
            continue;
        }
        char text[32];
        std::snprintf(text, sizeof(text), "  %4.2f  %8.1f %%", ByteCounts::entropy(histogram),
                      100 * printable_share(histogram));
        lines.push_back({taps[number], bytes, text});
    }
    if (run.json())
        return;
    std::cout << lines.size() << " taps " << direction << '\n';
    write_table(std::cout, std::move(lines), run.number("top"), "  BITS/BYTE  PRINTABLE");
}

void add_options(po::options_description& options) {
    add_file_option(options, "reads", "unigram_mem_read_report.bin",
                    "where to write the histograms of what is read");
    add_file_option(options, "writes", "unigram_mem_write_report.bin",
                    "where to write the histograms of what is written");
    options.add_options()("top", number_value()->value_name("N")->default_value(20), "print this many taps");
    add_tap_options(options);
}

void analyze(Run& run) {
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("reads"));
    require_other_file(reader.path(), run.text("writes"));
    TapNumbers taps(wanted_taps(run));
    Unigrams counts;
    run_tap_pass(run, taps, counts);
    write_histograms(run.text("reads"), reader.header(), taps, counts.reads);
    write_histograms(run.text("writes"), reader.header(), taps, counts.writes);
    report(run, "read", taps, counts.reads);
    report(run, "write", taps, counts.writes);
}

constexpr analyzers::Program program = {
    .name = "unigrams",
    .summary = "how often each byte value is read and written at each tap point",
    .description =
        "Writes a histogram of the bytes that pass by at each tap point: text, keys and code look "
        "different.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
