// panda-analyze-memstrings: printable text that is read and written.
#include <iostream>

#include "analyzers/strings/gzip_file.h"
#include "analyzers/strings/text_runs.h"
#include "analyzers/taps/tap_program.h"
#include "common/error.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::strings;
using analyzers::Run;
namespace po = boost::program_options;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("name", po::value<std::string>()->value_name("NAME")->default_value("memstrings"),
        "write to NAME_strings.txt.gz");
    add("len", number_value()->value_name("N")->default_value(4), "leave out shorter texts, in characters");
    taps::add_tap_options(options);
}

void analyze(Run& run) {
    if (run.number("len") == 0 || run.number("len") > TextRuns::longest)
        throw UsageError("--len must be from 1 to " + std::to_string(TextRuns::longest));
    trace::TraceReader& reader = run.reader();
    const std::string path = run.text("name") + "_strings.txt.gz";
    require_other_file(reader.path(), path);
    GzipFile file(path);
    taps::TapNumbers numbers(taps::wanted_taps(run));
    uint64_t count = 0;
    TextRuns runs(run.number("len"), [&](const TextRun& found) {
        ++count;
        file.write(std::to_string(found.instr) + (found.wide ? ":U:" : ":A:") + found.text + "\n");
        if (!run.json())
            return;
        Json object = {{"kind", "text"},
                       {"instr", found.instr},
                       {"direction", found.write ? "write" : "read"},
                       {"encoding", found.wide ? "utf-16" : "ascii"},
                       {"text", found.text}};
        taps::add_tap(object, numbers[found.tap]);
        write_json_line(std::cout, object);
    });
    taps::run_tap_pass(run, numbers, runs, run.json());
    runs.finish();
    file.close();
    if (!run.json())
        std::cout << count << " texts\n";
}

constexpr analyzers::Program program = {
    .name = "memstrings",
    .summary = "printable text that is read and written",
    .description =
        "Writes the ASCII and UTF-16 text in what each tap point reads and writes.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
