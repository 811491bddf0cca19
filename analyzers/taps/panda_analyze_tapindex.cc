// panda-analyze-tapindex: how many bytes are read and written at each tap point.
#include <array>
#include <iostream>

#include "analyzers/taps/tap_file.h"
#include "analyzers/taps/tap_pass.h"
#include "analyzers/taps/tap_program.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;

struct Sizes {
    static constexpr auto wants = Wants::sizes;
    void take(const TapAccess& access) {
        if (access.tap >= bytes.size())
            bytes.resize(access.tap + access.tap / 2 + 64);
        bytes[access.tap][access.write ? 1 : 0] += access.size();
    }
    std::vector<std::array<uint64_t, 2>> bytes;  // read and written, by tap
};

void write_file(const std::string& path, const trace::TraceHeader& header, const TapNumbers& taps,
                const Sizes& sizes, size_t direction) {
    TapFile file(path, header);
    file.write_address_size();
    for (const uint32_t number : taps.sorted()) {
        if (sizes.bytes[number][direction] == 0)
            continue;
        file.write_tap(taps[number]);
        file.write_u64(sizes.bytes[number][direction]);
    }
    file.close();
}

void report(Run& run, const TapNumbers& taps, const Sizes& sizes) {
    std::vector<TapLine> lines;
    for (uint32_t number = 0; number < taps.size(); ++number) {
        const auto [read, written] = sizes.bytes[number];
        if (run.json()) {
            Json object = {{"kind", "tap"}};
            add_tap(object, taps[number]);
            object.update({{"read", read}, {"written", written}});
            write_json_line(std::cout, object);
        } else {
            lines.push_back(
                {taps[number], read + written, "  " + std::to_string(read) + "  " + std::to_string(written)});
        }
    }
    if (run.json())
        return;
    std::cout << lines.size() << " taps\n";
    write_table(std::cout, std::move(lines), run.number("top"), "  READ  WRITTEN");
}

void add_options(po::options_description& options) {
    add_file_option(options, "reads", "tap_reads.idx", "where to write how much is read");
    add_file_option(options, "writes", "tap_writes.idx", "where to write how much is written");
    options.add_options()("top", number_value()->value_name("N")->default_value(20), "print this many taps");
    add_tap_options(options);
}

void analyze(Run& run) {
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("reads"));
    require_other_file(reader.path(), run.text("writes"));
    TapNumbers taps(wanted_taps(run));
    Sizes sizes;
    run_tap_pass(run, taps, sizes);
    write_file(run.text("reads"), reader.header(), taps, sizes, 0);
    write_file(run.text("writes"), reader.header(), taps, sizes, 1);
    report(run, taps, sizes);
}

constexpr analyzers::Program program = {
    .name = "tapindex",
    .summary = "how many bytes are read and written at each tap point",
    .description =
        "Lists the tap points of a trace, with the bytes that each reads and writes.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
