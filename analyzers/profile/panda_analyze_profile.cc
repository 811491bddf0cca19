// panda-analyze-profile: instructions by function and by call path.
#include <cinttypes>
#include <cstdio>
#include <functional>
#include <iostream>
#include <sstream>

#include "analyzers/names/moment_names.h"
#include "analyzers/profile/profile_files.h"
#include "analyzers/profile/profiler.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::profile;
using analyzers::Run;
namespace po = boost::program_options;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("top", number_value()->default_value(30), "functions to list; 0 = all");
    add("by", po::value<std::string>()->value_name("GROUP")->default_value("all"),
        "count apart what runs in each process or thread: all, process or thread");
    const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
    add("folded", file(), "write folded stacks");
    add("flame-graph", file(), "write a flame graph, as SVG");
    add("speedscope", file(), "write a profile for speedscope.app");
    add("pprof", file(), "write a profile for pprof");
    analyzers::add_name_options(options);
}

GroupBy group_by(const Run& run) {
    const std::string& text = run.text("by");
    if (text == "all")
        return GroupBy::all;
    if (text == "process")
        return GroupBy::process;
    if (text == "thread")
        return GroupBy::thread;
    throw UsageError("--by takes all, process or thread, not \"" + text + "\"");
}

void write_file(Run& run, const char* option, const std::function<void(std::ostream&)>& write) {
    if (!run.has(option))
        return;
    std::ostringstream text;
    write(text);
    require_other_file(run.reader().path(), run.text(option));
    OutputFile file(run.text(option), IfExists::overwrite);
    file.write(std::as_bytes(std::span(text.view())));
    file.close();
}

double percent(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

void write_table(const std::vector<FunctionCount>& functions, uint64_t total, size_t count) {
    std::printf("%16s %7s %16s %7s  %s\n", "self", "share", "total", "share", "function");
    for (size_t i = 0; i < count; ++i) {
        const FunctionCount& function = functions[i];
        std::printf("%16" PRIu64 " %6.2f%% %16" PRIu64 " %6.2f%%  %s%s%s\n", function.self,
                    percent(function.self, total), function.total, percent(function.total, total),
                    function.group.c_str(), function.group.empty() ? "" : ": ", function.name.c_str());
    }
    std::fflush(stdout);
}

void write_json(const std::vector<FunctionCount>& functions, uint64_t total, uint64_t unnamed, size_t count) {
    write_json_line(std::cout, {{"kind", "summary"},
                                {"instructions", total},
                                {"unnamed", unnamed},
                                {"functions", functions.size()}});
    for (size_t i = 0; i < count; ++i) {
        Json object = {{"kind", "function"},
                       {"function", functions[i].name},
                       {"self", functions[i].self},
                       {"total", functions[i].total}};
        if (!functions[i].group.empty())
            object["group"] = functions[i].group;
        write_json_line(std::cout, object);
    }
}

void take_profile(Run& run, const analyzers::NameOptions& wanted, Profile& profile) {
    trace::TraceReader& reader = run.reader();
    osi::Symbolizer symbolizer(wanted.directories);
    const auto provider = analyzers::read_kernel(reader, wanted, symbolizer);
    if (!provider && wanted.wanted)
        run.warn("no names: the trace is a pipe or leaves out instructions, or has no kernel that is known");
    const auto system = analyzers::followed_system(reader, wanted, provider);
    Scene scene(profile, symbolizer);
    trace::PassOptions options = run.pass_options();
    options.in_order = true;
    auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return Profiler(state, profile, scene, symbolizer, system);
    });
    result.analyzer.finish();
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
}

void analyze(Run& run) {
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    const GroupBy group = group_by(run);
    Profile profile;
    take_profile(run, wanted, profile);
    const std::vector<PathCount> paths = path_counts(profile, group);
    uint64_t total = 0;
    for (const PathCount& path : paths)
        total += path.instructions;
    const std::string title = run.reader().path() + ": " + std::to_string(total) + " instructions";
    write_file(run, "folded", [&](std::ostream& out) { write_folded(out, paths); });
    write_file(run, "flame-graph", [&](std::ostream& out) { write_flame_graph(out, paths, title); });
    write_file(run, "speedscope", [&](std::ostream& out) { write_speedscope(out, paths, title); });
    write_file(run, "pprof", [&](std::ostream& out) {
        const Bytes bytes = pprof_of(paths);
        out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    });
    const std::vector<FunctionCount> functions = function_counts(paths);
    const uint64_t top = run.number("top");
    const size_t count = top == 0 ? functions.size() : std::min<size_t>(functions.size(), top);
    run.json() ? write_json(functions, total, profile.unnamed, count) : write_table(functions, total, count);
}

constexpr analyzers::Program program = {
    .name = "profile",
    .summary = "instructions by function and by call path; flame graphs",
    .description =
        "Counts the instructions of every function of the kernel and of programs, and of every call path.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
