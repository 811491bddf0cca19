// panda-analyze-lift: blocks of a trace as LLVM IR.
#include <algorithm>
#include <iomanip>
#include <iostream>

#include "analyzers/lift/block_selection.h"
#include "analyzers/lift/check.h"
#include "analyzers/lift/lifted_blocks.h"
#include "analyzers/shared/frame.h"
#include "common/command_line.h"
#include "common/file.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::lift;
using analyzers::Run;
namespace po = boost::program_options;

constexpr size_t blocks_per_module = 256;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("output,o", po::value<std::string>()->value_name("FILE"),
        "write the blocks as one module: text if the name ends in .ll, else bitcode");
    add("force,f", "overwrite an existing FILE");
    add("check", "run the blocks again along the trace, and compare");
    add("list", number_value()->default_value(10), "how many differences to describe");
    add("optimize,O", number_value<unsigned>()->default_value(0), "level of LLVM's optimization, 0 to 3");
    add("link", "put the helpers that the blocks call into the module too");
    add("helpers", po::value<std::string>()->value_name("DIRECTORY"), "QEMU's helpers as bitcode");
    add_selection_options(options);
}

Level level_of(const Run& run) {
    const auto level = run.given()["optimize"].as<unsigned>();
    if (level > 3)
        throw UsageError("--optimize takes a level from 0 to 3");
    return static_cast<Level>(level);
}

struct Totals {
    uint64_t blocks = 0;
    uint64_t instructions = 0;
    uint64_t lifted_instructions = 0;  // LLVM's
};

void write(LiftedBlocks& lifted, const std::vector<uint32_t>& ids, const Run& run, Level level) {
    const auto module = lifted.lift(ids);
    if (run.has("link"))
        lifted.link_helpers(*module);
    optimize(*module, level);
    write_module(*module, run.text("output"), run.has("force"));
}

// Lifts and checks a module after the other, so that a whole trace takes little memory.
Totals check(LiftedBlocks& lifted, const std::vector<uint32_t>& ids, Run& run, Level level) {
    Totals totals;
    const auto progress = run.start_progress(ids.size());
    for (size_t first = 0; first < ids.size(); first += blocks_per_module) {
        const auto part = std::span(ids).subspan(first, std::min(blocks_per_module, ids.size() - first));
        const auto module = lifted.lift(part);
        optimize(*module, level);
        totals.blocks += part.size();
        totals.lifted_instructions += module->getInstructionCount();
        for (const uint32_t id : part)
            totals.instructions += run.reader().blocks().instruction_count(id);
        progress(totals.blocks);
    }
    run.end_progress();
    return totals;
}

void print(const Totals& totals, bool json) {
    if (json)
        write_json_line(std::cout, {{"blocks", totals.blocks},
                                    {"instructions", totals.instructions},
                                    {"llvm_instructions", totals.lifted_instructions}});
    else
        std::cout << totals.blocks << " blocks of " << totals.instructions << " instructions are "
                  << totals.lifted_instructions << " instructions of LLVM, which its verifier accepts\n";
}

// Of all executions, in percent.
double checked_share(const CheckResult& result) {
    return result.executions == 0
               ? 0
               : 100 * static_cast<double>(result.checked) / static_cast<double>(result.executions);
}

void print(const CheckResult& result, bool json) {
    if (json) {
        write_json_line(std::cout, {{"executions", result.executions},
                                    {"instructions", result.instructions},
                                    {"checked", result.checked},
                                    {"checked_percent", checked_share(result)},
                                    {"mismatches", result.mismatches},
                                    {"unchecked", result.unchecked},
                                    {"differences", result.listed}});
        return;
    }
    for (const std::string& line : result.listed)
        std::cout << line << '\n';
    std::cout << result.checked << " of " << result.executions << " executions (" << std::fixed
              << std::setprecision(2) << checked_share(result) << " %) are as the trace says, "
              << result.mismatches << " differ\n";
    for (const auto& [why, count] : result.unchecked)
        std::cout << "  " << count << " not checked: " << why << '\n';
}

void check_executions(Run& run, LiftedBlocks& lifted, Level level) {
    CheckOptions options;
    options.listed = run.number("list");
    if (run.has("range")) {
        const NumberRange range = parse_range("--range", run.text("range"));
        options.range = {range.from, range.to};
    }
    const auto progress = run.start_progress(trace::pass_length(run.reader(), options.range));
    const CheckResult result = check(run.reader(), lifted, level, options, progress);
    run.end_progress();
    print(result, run.json());
    if (result.mismatches != 0)
        run.set_incomplete();
}

// An option that would do nothing is refused: a check of everything must not pass for one of the selected blocks.
void require_options_that_agree(const Run& run) {
    for (const char* name : {"block", "pc", "asid", "symbol", "output", "link"})
        if (run.has("check") && run.has(name))
            throw UsageError("--check does not go with --" + std::string(name));
    if (run.has("link") && !run.has("output"))
        throw UsageError("--link needs --output");
}

void analyze(Run& run) {
    require_options_that_agree(run);
    const Level level = level_of(run);
    if (run.has("output"))
        require_other_file(run.words().back(), run.text("output"));
    trace::TraceReader& reader = run.reader({.tcg = true});
    if (!reader.seekable())
        throw UsageError("lifting needs a trace that is a file");
    const std::vector<uint32_t> ids = run.has("check") ? std::vector<uint32_t>() : selected_blocks(run);
    LiftedBlocks lifted(reader,
                        run.has("helpers") ? run.text("helpers") : default_helpers(executable_directory()));
    if (run.has("check"))
        check_executions(run, lifted, level);
    else if (run.has("output"))
        write(lifted, ids, run, level);
    else
        print(check(lifted, ids, run, level), run.json());
}

constexpr analyzers::Program program = {.name = "lift",
                                        .summary = "blocks of guest code as LLVM IR",
                                        .description =
                                            "Makes a function of LLVM IR of each block, complete with all "
                                            "helpers of the emulator, and has LLVM's verifier\n"
                                            "check it. TRACE is a file that was made with memory.",
                                        .shared = {.json = "print one JSON object", .range = nullptr},
                                        .add_options = add_options,
                                        .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
