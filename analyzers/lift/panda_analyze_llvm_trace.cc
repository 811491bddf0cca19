// panda-analyze-llvm_trace: what was executed as LLVM IR, and the log of a run of it.
#include <filesystem>
#include <iostream>

#include "analyzers/lift/check.h"
#include "analyzers/lift/run_logger.h"
#include "analyzers/shared/frame.h"
#include "common/command_line.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::lift;
using analyzers::Run;
namespace po = boost::program_options;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("base", po::value<std::string>()->value_name("DIRECTORY")->default_value("."),
        "where llvm-mod.bc and llvm-trace.log are written");
    add("force,f", "overwrite existing files");
    add("range", po::value<std::string>()->value_name("FROM:TO"),
        "only what is executed from instruction FROM to before TO");
    add("asid", number_value(), "only what is executed in this address space (CR3)");
    add("link", "put the helpers that the blocks call into the module too");
    add("helpers", po::value<std::string>()->value_name("DIRECTORY"), "QEMU's helpers as bitcode");
}

// What the log names: blocks, and parts of blocks.
void write_blocks(LiftedBlocks& blocks, const RunLogger& logger, const std::string& path, const Run& run) {
    const std::vector<uint32_t> ids(logger.whole().begin(), logger.whole().end());
    const auto module = blocks.lift(ids);
    for (const auto& [id, instructions] : logger.cut())
        link_into(*module, blocks.lift_cut(id, instructions));
    if (run.has("link"))
        blocks.link_helpers(*module);
    write_module(*module, path, run.has("force"));
}

void print(const CheckResult& result, const RunLogger& logger, bool json) {
    const auto count = [&](LogKind kind) {
        const auto found = logger.counts().find(kind);
        return found == logger.counts().end() ? 0 : found->second;
    };
    const uint64_t executions = count(LogKind::block), loads = count(LogKind::load);
    const uint64_t stores = count(LogKind::store), branches = count(LogKind::branch);
    const size_t functions = logger.whole().size() + logger.cut().size();
    if (json) {
        write_json_line(std::cout, {{"functions", functions},
                                    {"executions", executions},
                                    {"loads", loads},
                                    {"stores", stores},
                                    {"branches", branches},
                                    {"mismatches", result.mismatches},
                                    {"differences", result.listed}});
        return;
    }
    for (const std::string& line : result.listed)
        std::cout << line << '\n';
    std::cout << executions << " executions of " << functions << " functions: " << loads << " loads, "
              << stores << " stores, " << branches << " branches; " << result.mismatches
              << " differ from the trace\n";
}

void analyze(Run& run) {
    const std::filesystem::path base = run.text("base");
    const std::string module = base / "llvm-mod.bc", log_file = base / "llvm-trace.log";
    CheckOptions options;
    if (run.has("range")) {
        const NumberRange range = parse_range("--range", run.text("range"));
        options.range = {range.from, range.to};
    }
    std::optional<uint64_t> address_space;
    if (run.has("asid"))
        address_space = run.number("asid");
    for (const std::string& path : {module, log_file})
        require_other_file(run.words().back(), path);
    trace::TraceReader& reader = run.reader({.tcg = true});
    if (!reader.seekable())
        throw UsageError("lifting needs a trace that is a file");
    reader.load_blocks();
    LiftedBlocks blocks(reader,
                        run.has("helpers") ? run.text("helpers") : default_helpers(executable_directory()));
    if (!run.has("force") && std::filesystem::exists(module))
        throw FileError(module, "already exists");
    LogWriter log(log_file, run.has("force") ? IfExists::overwrite : IfExists::refuse);
    RunLogger logger(log, reader.blocks(), address_space);
    options.observer = &logger;
    options.branches = true;
    const auto progress = run.start_progress(trace::pass_length(reader, options.range));
    const CheckResult result = check(reader, blocks, Level::none, options, progress);
    run.end_progress();
    log.close();
    if (logger.counts().empty())
        throw FileError(reader.path(), "no block that can be run is executed there");
    write_blocks(blocks, logger, module, run);
    print(result, logger, run.json());
    if (result.mismatches != 0)
        run.set_incomplete();
}

constexpr analyzers::Program program = {
    .name = "llvm_trace",
    .summary = "executed blocks as LLVM IR, and the log of a run of them",
    .description =
        "Runs blocks of guest code as LLVM IR along a trace, and writes a module with their functions and a\n"
        "log of blocks, addresses and branches. TRACE is a file that was made with --registers.",
    .shared = {.json = "print one JSON object", .range = nullptr, .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
