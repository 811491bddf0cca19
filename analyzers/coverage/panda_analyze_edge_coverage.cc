// panda-analyze-edge_coverage: how often each run of up to n blocks was executed; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/coverage/block_runs.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::coverage;

void add_options(analyzers::po::options_description& options) {
    auto add = options.add_options();
    add("n", number_value()->default_value(1), "blocks in the longest run, at most 16");
    add("main", number_value()->value_name("PC"), "only what an address space runs from this block on");
    add("asid", number_value(), "only in this address space (CR3)");
}

void analyze(analyzers::Run& run) {
    BlockRunOptions wanted;
    if (run.number("n") == 0 || run.number("n") > max_run_length)
        throw UsageError("--n takes a number from 1 to " + std::to_string(max_run_length));
    wanted.longest = static_cast<unsigned>(run.number("n"));
    if (run.has("main"))
        wanted.begin = run.number("main");
    if (run.has("asid"))
        wanted.asid = run.number("asid");
    trace::PassOptions options = run.pass_options();
    options.in_order = true;
    const auto result = trace::run_pass(
        run.reader(), options, [&](const trace::PassState& state) { return BlockRuns(state, wanted); });
    run.end_progress();
    run.set_flaw(result.flaw);
    for (const auto& [asid, space] : result.analyzer.spaces())
        for (const auto& [blocks, count] : space.runs) {
            if (run.json()) {
                Json pcs = Json::array();
                for (const uint64_t pc : blocks)
                    pcs.push_back(hex(pc));
                write_json_line(std::cout,
                                {{"kind", "edge"}, {"asid", hex(asid)}, {"pcs", pcs}, {"hit_count", count}});
                continue;
            }
            std::cout << hex(asid) << ' ' << count;
            for (const uint64_t pc : blocks)
                std::cout << ' ' << hex(pc);
            std::cout << '\n';
        }
}

constexpr analyzers::Program program = {
    .name = "edge_coverage",
    .summary = "how often each run of up to n blocks was executed",
    .description =
        "Counts, for each address space, how often blocks were executed one after another, without the\n"
        "code that serves interrupts and exceptions. TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .needs = [](const analyzers::po::variables_map&) { return "blocks"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
