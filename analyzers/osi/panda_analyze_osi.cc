// panda-analyze-osi: lists the processes of a guest at moments of a trace, and what happens to them.
#include <unistd.h>

#include <iostream>
#include <optional>

#include "analyzers/osi/arguments.h"
#include "analyzers/osi/event_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/osi/reporter.h"
#include "analyzers/shared/arguments.h"
#include "common/command_line.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::analyze_osi;
namespace options = boost::program_options;

constexpr const char* program = "panda-analyze-osi";

options::options_description visible_options() {
    options::options_description visible("Options");
    add_kernel_options(visible);
    auto add = visible.add_options();
    add("at", options::value<std::string>()->value_name("INSTR"),
        "the moment: right before that instruction; \"end\" (default)");
    add("every", options::value<std::string>()->value_name("N"), "instead, every N instructions");
    add("on", options::value<std::string>()->value_name("EVENTS"),
        "instead, what happens: task-change, new-process, exit, new-thread, thread-exit, exec, several with "
        "commas between them, or all");
    add("from", options::value<uint64_t>()->default_value(0), "first instr, for --every and --on");
    add("to", options::value<uint64_t>()->default_value(~uint64_t{0}, "end"), "instr to stop before");
    add("all", "the idle task (pid 0) too");
    add("threads", "the threads of each process too");
    add("tree", "children after their parents, as a tree");
    add("details", "user and group, time of the start, working directory and executable of each too");
    add("args", "the arguments of each too");
    add("env", "the environment of each too");
    add("maps", options::value<std::string>()->value_name("[PID]"),
        "instead of processes, what is mapped into one of them, or into \"all\" (default)");
    add("files", options::value<std::string>()->value_name("[PID]"),
        "the same for the files that are open in it");
    add("modules", "instead of processes, the modules of the kernel");
    add("json", "one JSON object a line instead of a table");
    add("pandalog", options::value<std::string>()->value_name("FILE"), "entries of a pandalog too");
    add("quiet,q", "no progress bar");
    return visible;
}

Query parse_query(const options::variables_map& given) {
    const auto has = [&](const char* option) { return given.count(option) != 0; };
    if (has("maps") + has("files") + has("modules") > 1)
        throw UsageError("--maps, --files and --modules exclude each other");
    if (has("at") + has("every") + has("on") > 1)
        throw UsageError("--at, --every and --on exclude each other");
    Query query;
    query.subject = has("maps")      ? Subject::mappings
                    : has("files")   ? Subject::files
                    : has("modules") ? Subject::modules
                                     : Subject::processes;
    for (const char* option : {"maps", "files"})
        if (has(option))
            query.pid = parse_pid(std::string("--") + option, given[option].as<std::string>());
    if (has("on") && query.pid)
        throw UsageError("with --on, --maps and --files are of the process that the event is about");
    query.json = has("json");
    query.repeated = has("every") || has("on");
    query.processes.idle = has("all");
    query.processes.tree = has("tree");
    query.processes.threads = has("threads");
    query.processes.details = has("details") || has("json") || has("pandalog");
    query.processes.arguments = has("args");
    query.processes.environment = has("env");
    return query;
}

// At one moment.
void report_at(trace::TraceReader& reader, std::optional<uint64_t> instr, const PassSystem& system,
               Reporter& reporter, Progress& progress) {
    const trace::Moment moment(reader, instr, reads_for(reader, instr),
                               [&progress](uint64_t done) { progress.update(done); });
    const auto provider = open_provider(system.open, system.load_now, reader, moment);
    progress.finish();
    const trace::CpuState& cpu = moment.cpu();
    reporter.report(*provider, {{&moment.memory(), &cpu},
                                moment.instr(),
                                cpu.rip + (cpu.long_mode() ? 0 : cpu.segments[trace::cs].base)});
}

int analyze(const options::variables_map& given) {
    const Query query = parse_query(given);
    const auto has = [&](const char* option) { return given.count(option) != 0; };
    const auto text = [&](const char* option) { return given[option].as<std::string>(); };
    const auto instr = has("at") ? parse_moment(text("at")) : std::nullopt;
    const uint64_t every = has("every") ? analyzers::parse_number("--every", text("every")) : 0;
    if (has("every") && every == 0)
        throw UsageError("--every takes a number of instructions, at least 1");
    const auto events = has("on") ? parse_events(text("on")) : std::set<EventKind>();
    if (!query.repeated && (!given["from"].defaulted() || !given["to"].defaulted()))
        throw UsageError("--from and --to are for --every and --on");
    const ProviderOptions wanted = provider_options(given);
    trace::TraceReader reader(text("trace"));
    const PassSystem system{provider_opener(wanted, reader.path()), wanted.load_now};
    std::optional<pandalog::PandalogFile> log;
    if (has("pandalog"))
        log.emplace(text("pandalog"));
    Reporter reporter(std::cout, std::cerr, query, log ? &*log : nullptr);
    // A bar would run into the rows of a terminal.
    const bool quiet = has("quiet") || (query.repeated && ::isatty(STDOUT_FILENO) != 0);
    trace::PassOptions pass;
    pass.range = {given["from"].as<uint64_t>(), given["to"].as<uint64_t>()};
    if (pass.range.from > pass.range.to)
        throw UsageError("--from is after --to");
    Progress progress("osi", query.repeated ? trace::pass_length(reader, pass.range) : 0, quiet);
    pass.progress = [&progress](uint64_t done) { progress.update(done); };
    if (every != 0) {
        report_every(reader, pass, system, every, reporter);
    } else if (has("on")) {
        EventReport report(std::cout, events, reporter, log ? &*log : nullptr);
        if (const std::string warning = follow_events(reader, pass, system, report); !warning.empty())
            reporter.warn({warning}, pass.range.from);
    } else {
        report_at(reader, instr, system, reporter, progress);
    }
    progress.finish();
    if (log)
        log->finish();
    return reporter.complete() ? exit_ok : exit_failed;
}

int run(int count, char** arguments) {
    const auto visible = visible_options();
    std::vector<std::string> plain = plain_arguments({arguments + 1, arguments + count});
    plain.insert(plain.begin(), arguments[0]);
    std::vector<char*> pointers;
    for (std::string& argument : plain)
        pointers.push_back(argument.data());
    const auto given = analyzers::parse_arguments(
        {"osi", "TRACE",
         "Lists the processes of a Linux guest at a moment of a trace, at many, or what happens to them\n"
         "(- reads the trace from a pipe)."},
        static_cast<int>(pointers.size()), pointers.data(), visible);
    return given ? analyze(*given) : exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return panda::run_main(program, [&] { return run(count, arguments); });
}
