// panda-analyze-track_intexc: how much code serves interrupts and exceptions; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/execution/counts.h"
#include "analyzers/shared/frame.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using execution::ServedCode;

void analyze(analyzers::Run& run) {
    trace::PassOptions options = run.pass_options();
    options.in_order = true;
    const auto result = trace::run_pass(run.reader(), options,
                                        [](const trace::PassState& state) { return ServedCode(state); });
    run.end_progress();
    run.set_flaw(result.flaw);
    const std::pair<const char*, ServedCode::Kind> kinds[] = {{"none", ServedCode::Kind::none},
                                                              {"interrupt", ServedCode::Kind::interrupt},
                                                              {"exception", ServedCode::Kind::exception}};
    for (const auto& [name, kind] : kinds) {
        const ServedCode::Count& count = result.analyzer.of(kind);
        if (run.json())
            write_json_line(std::cout, {{"kind", name},
                                        {"blocks", count.blocks},
                                        {"instructions", count.instructions},
                                        {"entered", count.entered}});
        else
            std::cout << name << ": " << count.blocks << " blocks, " << count.instructions
                      << " instructions, entered " << count.entered << " times\n";
    }
}

constexpr analyzers::Program program = {
    .name = "track_intexc",
    .summary = "how much code serves interrupts and exceptions",
    .description =
        "Counts blocks and instructions by what they serve: an interrupt, an exception, or neither.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .needs = [](const analyzers::po::variables_map&) { return "blocks"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
