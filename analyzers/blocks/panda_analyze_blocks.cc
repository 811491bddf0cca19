// panda-analyze-blocks: where the time went, by block and by address space.
#include "analyzers/blocks/report.h"
#include "analyzers/shared/arguments.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::analyze_blocks;
namespace po = boost::program_options;

constexpr analyzers::Usage usage = {
    "blocks", "TRACE",
    "Counts how often each block of guest code was executed, in all or in one address space, and says\n"
    "which took the most instructions. TRACE is a file, or - for standard input."};

po::options_description visible_options() {
    po::options_description options("Options");
    options.add_options()("top", po::value<uint64_t>()->default_value(20), "blocks to list; 0 = all")(
        "asid", po::value<std::string>(), "only in this address space (CR3; 0x for hexadecimal)")(
        "user", "only code that runs as a program")("kernel", "only code of the kernel")(
        "json", "one JSON object a line");
    analyzers::add_pass_options(options);
    return options;
}

Selection make_selection(const po::variables_map& given, const trace::TraceHeader& header) {
    Selection selection;
    if (given.count("asid") != 0)
        selection.asid = trace::PassState::asid_of(
            header, analyzers::parse_number("--asid", given["asid"].as<std::string>()));
    if (given.count("user") != 0 && given.count("kernel") != 0)
        throw UsageError("--user and --kernel exclude each other");
    if (given.count("user") != 0)
        selection.privilege = Privilege::user;
    if (given.count("kernel") != 0)
        selection.privilege = Privilege::kernel;
    return selection;
}

int run(int count, char** arguments) {
    const auto given = analyzers::parse_arguments(usage, count, arguments, visible_options());
    if (!given)
        return exit_ok;
    trace::TraceReader reader((*given)["trace"].as<std::string>(), {.snapshots = false});
    const Selection selection = make_selection(*given, reader.header());
    Progress progress = analyzers::make_progress(usage.name, reader, *given);
    auto result =
        trace::run_pass(reader, analyzers::pass_options(*given, progress),
                        [&selection](const trace::PassState& state) { return HotBlocks(state, selection); });
    progress.finish();
    const Report report = make_report(result.analyzer, reader.blocks(), (*given)["top"].as<uint64_t>());
    if (given->count("json") != 0)
        write_json(std::cout, report);
    else
        write_table(std::cout, report);
    std::cout.flush();
    result.require_whole(reader);
    return exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-blocks", [&] { return run(count, arguments); });
}
