// panda-analyze-blocks: where the time went, by block and by address space.
#include <iostream>

#include "analyzers/blocks/report.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::analyze_blocks;
using analyzers::Run;

// More places would need too many moments of the trace.
constexpr size_t max_named = 1000;

void add_options(analyzers::po::options_description& options) {
    auto add = options.add_options();
    add("top", number_value()->default_value(20), "blocks to list; 0 = all");
    add("asid", number_value(), "only in this address space (CR3)");
    add("user", "only code that runs as a program");
    add("kernel", "only code of the kernel");
    analyzers::add_name_options(options);
}

Selection make_selection(Run& run) {
    Selection selection;
    if (run.has("user") && run.has("kernel"))
        throw UsageError("--user and --kernel exclude each other");
    if (run.has("user"))
        selection.privilege = Privilege::user;
    if (run.has("kernel"))
        selection.privilege = Privilege::kernel;
    run.reader();
    if (run.has("asid"))
        selection.asid = run.number("asid");
    return selection;
}

void analyze(Run& run) {
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    const Selection selection = make_selection(run);
    HotBlocks counts =
        run.pass([&selection](const trace::PassState& state) { return HotBlocks(state, selection); });
    Report report = make_report(counts, run.reader().blocks(), run.number("top"));
    if (report.places.size() <= max_named) {
        analyzers::MomentNames names(run.reader(), wanted);
        add_names(report, names, run.reader());
    }
    if (run.json())
        write_json(std::cout, report);
    else
        write_table(std::cout, report);
}

constexpr analyzers::Program program = {
    .name = "blocks",
    .summary = "where the instructions went, by block and by address space",
    .description =
        "Counts how often each block of guest code was executed, in all or in one address space, and says\n"
        "which took the most instructions, with their names. TRACE is a file, or - for standard input.",
    .add_options = add_options,
    // Names need memory, and a pipe has none of them.
    .needs = [](const analyzers::po::variables_map&) { return "blocks"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
