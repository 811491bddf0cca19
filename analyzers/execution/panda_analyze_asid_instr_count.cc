// panda-analyze-asid_instr_count: instructions by address space; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/execution/counts.h"
#include "analyzers/shared/frame.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;

void add_options(analyzers::po::options_description& options) {
    options.add_options()("asid", number_value(), "only this address space (CR3)");
}

void analyze(analyzers::Run& run) {
    const auto found =
        run.pass([](const trace::PassState& state) { return execution::AsidInstructions(state); });
    for (const auto& [asid, count] : found.counts()) {
        // CR3 has flags and a PCID, which the counts do not have.
        constexpr uint64_t flags = 0xfff;
        if (count == 0 || (run.has("asid") && (run.number("asid") & ~flags) != (asid & ~flags)))
            continue;
        if (run.json())
            write_json_line(std::cout, {{"kind", "asid"}, {"asid", hex(asid)}, {"instructions", count}});
        else
            std::cout << hex(asid, 10) << ' ' << count << '\n';
    }
    if (found.left_out() != 0)
        run.warn("the trace leaves out " + std::to_string(found.left_out()) + " instructions");
}

constexpr analyzers::Program program = {
    .name = "asid_instr_count",
    .summary = "how many instructions each address space executed",
    .description =
        "Counts instructions by address space, up to --to. TRACE is a file, or - for standard input.",
    .add_options = add_options,
    .needs = [](const analyzers::po::variables_map&) { return "blocks"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
