// panda-analyze-useafterfree: wrong uses of the heap by the guest's programs; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/names/moment_names.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/shared/frame.h"
#include "analyzers/useafterfree/heap_watch.h"
#include "analyzers/useafterfree/report.h"
#include "common/error.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::useafterfree;
using analyzers::Run;

void add_options(analyzers::po::options_description& options) {
    const auto functions = [] {
        return analyzers::po::value<std::vector<std::string>>()->value_name("FUNCTION");
    };
    auto add = options.add_options();
    add("alloc", functions(),
        "another function that returns a block: NAME[:SIZE] or 0xADDRESS[:SIZE]; SIZE: which argument");
    add("free", functions(), "one that takes a block back: NAME[:BLOCK]");
    add("realloc", functions(), "one that moves a block: NAME[:BLOCK[:SIZE]]");
    add("no-libc", "only these functions, not malloc, free and so on");
    add("process-name", analyzers::po::value<std::string>()->value_name("NAME"),
        "only processes of this name");
    add("pid", number_value()->value_name("PID"), "only this process");
    add("asid", number_value()->value_name("CR3"), "only this address space");
    add("no-leaks", "do not look for blocks that were lost");
    add("callers", number_value()->value_name("N")->default_value(8), "frames to print of a stack");
    analyzers::add_name_options(options, false);
}

WatchOptions watch_options(const Run& run) {
    WatchOptions options;
    if (!run.has("no-libc"))
        options.allocators.add_libc();
    using Kind = Allocators::Kind;
    for (const auto& [option, kind] : {std::pair{"alloc", Kind::alloc}, std::pair{"free", Kind::free},
                                       std::pair{"realloc", Kind::realloc}})
        for (const std::string& text : run.texts(option))
            options.allocators.add(kind, text, std::string("--") + option);
    if (options.allocators.empty())
        throw UsageError("--no-libc leaves no function: name one with --alloc");
    if (run.has("process-name"))
        options.process = run.text("process-name");
    if (run.has("pid"))
        options.pid = static_cast<int64_t>(run.number("pid"));
    if (run.has("asid"))
        options.asid = run.number("asid");
    options.leaks = !run.has("no-leaks");
    options.depth = run.number("callers");
    if (options.depth == 0 || options.depth > 1024)
        throw UsageError("--callers is from 1 to 1024");
    return options;
}

void write(Run& run, const HeapWatch& watch) {
    for (const Finding& finding : watch.findings()) {
        if (run.json())
            write_json(std::cout, finding);
        else
            write_text(std::cout, finding);
        if (auto* log = run.pandalog())
            write_pandalog(*log, finding);
    }
    if (run.json())
        write_json_line(
            std::cout,
            {{"kind", "summary"}, {"allocated", watch.allocated()}, {"findings", watch.findings().size()}});
    else
        std::cout << watch.allocated() << " blocks allocated, " << watch.findings().size() << " findings\n";
}

void analyze(Run& run) {
    WatchOptions options = watch_options(run);
    const analyzers::NameOptions named = analyzers::name_options(run.given());
    options.directories = named.directories;
    trace::TraceReader& reader = run.reader();
    trace::PassOptions pass = run.pass_options();
    pass.in_order = true;
    const auto open = analyze_osi::provider_opener(named.kernel, reader.path());
    std::string reason;
    auto provider = osi::find_in_snapshots(reader, pass.range.from, open, !named.kernel.load_now, &reason);
    if (!provider && reader.seekable() && !reason.empty())
        throw Error(reason);
    HeapWatch watch(options);
    auto result = trace::run_pass(reader, pass, [&](const trace::PassState& state) {
        return HeapPass(state, watch, {provider, open});
    });
    run.end_progress();
    if (result.flaw.empty())
        result.analyzer.events().require_started();
    run.set_flaw(std::move(result.flaw));
    if (const std::string warning = result.analyzer.events().warning(); !warning.empty()) {
        run.warn(warning);
        run.set_incomplete();
    }
    write(run, watch);
}

constexpr analyzers::Program program = {
    .name = "useafterfree",
    .summary = "uses of freed memory, double frees and leaks of the guest's programs",
    .description =
        "Follows what programs get from malloc and give back, and lists accesses to memory that was\n"
        "given back, wrong calls of free, and blocks that were lost. The trace must have registers\n"
        "(panda-replay --registers). TRACE is a file, or - for standard input.",
    .shared = {.pandalog = "each finding as a fact", .threads = nullptr},
    .add_options = add_options,
    .needs = [](const analyzers::po::variables_map&) { return "full registers"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
