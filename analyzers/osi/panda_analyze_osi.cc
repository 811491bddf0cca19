// panda-analyze-osi: lists the processes of a guest at moments of a trace, and what happens to them.
#include <unistd.h>

#include <iostream>
#include <optional>

#include "analyzers/osi/arguments.h"
#include "analyzers/osi/event_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/osi/reporter.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::analyze_osi;
namespace po = boost::program_options;
using analyzers::Run;

void add_options(po::options_description& options) {
    add_kernel_options(options);
    auto add = options.add_options();
    add("at", po::value<std::string>()->value_name("INSTR"),
        "the moment: right before that instruction; \"end\" (default)");
    add("every", number_value()->value_name("N"), "every N instructions instead");
    add("on", po::value<std::string>()->value_name("EVENTS"),
        "when something happens instead: task-change, new-process, exit, new-thread, thread-exit, exec, "
        "several with commas between them, or all");
    add("all", "also list the idle task (pid 0)");
    add("threads", "also list the threads of each process");
    add("tree", "list children after their parents, as a tree");
    add("details", "also show user and group, start time, working directory and executable");
    add("args", "also show the arguments");
    add("env", "also show the environment");
    add("maps", po::value<std::string>()->value_name("[PID]"),
        "list what is mapped into a process, or into \"all\" (default), instead of processes");
    add("files", po::value<std::string>()->value_name("[PID]"),
        "list the files that are open in a process, or in \"all\" (default), instead");
    add("sockets", po::value<std::string>()->value_name("[PID]"),
        "list the sockets that are open in a process, or in \"all\" (default), instead, as ss does");
    add("modules", "list the modules of the kernel instead of processes");
}

Query parse_query(const Run& run) {
    const auto has = [&](const char* option) { return run.has(option); };
    if (has("maps") + has("files") + has("sockets") + has("modules") > 1)
        throw UsageError("--maps, --files, --sockets and --modules exclude each other");
    if (has("at") + has("every") + has("on") > 1)
        throw UsageError("--at, --every and --on exclude each other");
    Query query;
    query.subject = has("maps")      ? Subject::mappings
                    : has("files")   ? Subject::files
                    : has("sockets") ? Subject::sockets
                    : has("modules") ? Subject::modules
                                     : Subject::processes;
    for (const char* option : {"maps", "files", "sockets"})
        if (has(option))
            query.pid = parse_pid(std::string("--") + option, run.text(option));
    if (has("on") && query.pid)
        throw UsageError(
            "with --on, --maps, --files and --sockets take no process: they list the one that the event is "
            "about");
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
void report_at(Run& run, std::optional<uint64_t> instr, const PassSystem& system, Reporter& reporter) {
    trace::TraceReader& reader = run.reader();
    const trace::Moment moment(reader, instr, trace::MomentReads::some, run.start_progress(0));
    const auto provider = open_provider(system.open, system.load_now, reader, moment);
    run.end_progress();
    const trace::CpuState& cpu = moment.cpu();
    reporter.report(*provider, {{&moment.memory(), &cpu},
                                moment.instr(),
                                cpu.rip + (cpu.long_mode() ? 0 : cpu.segments[trace::cs].base)});
}

// When something happens.
void report_on(Run& run, const std::set<EventKind>& events, const PassSystem& system, Reporter& reporter,
               const trace::PassOptions& pass) {
    EventReport report(std::cout, events, reporter, run.pandalog());
    const Followed followed = follow_events(run.reader(), pass, system, report);
    if (!followed.warning.empty())
        reporter.warn({followed.warning}, pass.range.from);
    run.set_flaw(followed.flaw);
}

void analyze(Run& run) {
    const Query query = parse_query(run);
    const auto instr = run.has("at") ? analyzers::parse_moment("--at", run.text("at")) : std::nullopt;
    const uint64_t every = run.has("every") ? run.number("every") : 0;
    if (run.has("every") && every == 0)
        throw UsageError("--every takes a number of instructions, at least 1");
    const auto events = run.has("on") ? parse_events(run.text("on")) : std::set<EventKind>();
    if (!query.repeated && (!run.given()["from"].defaulted() || !run.given()["to"].defaulted()))
        throw UsageError("--from and --to are for --every and --on");
    const ProviderOptions wanted = provider_options(run.given());
    trace::TraceReader& reader = run.reader();
    const PassSystem system{provider_opener(wanted, reader.path()), wanted.load_now};
    Reporter reporter(std::cout, std::cerr, query, run.pandalog());
    if (!query.repeated) {
        report_at(run, instr, system, reporter);
    } else {
        // A bar would run into the rows of a terminal.
        const trace::PassOptions pass = run.pass_options(::isatty(STDOUT_FILENO) != 0);
        if (every != 0)
            run.set_flaw(report_every(reader, pass, system, every, reporter));
        else
            report_on(run, events, system, reporter, pass);
    }
    if (!reporter.complete())
        run.set_incomplete();
}

constexpr analyzers::Program program = {
    .name = "osi",
    .summary = "the processes of a Linux guest at a moment, at many, or what happens to them",
    .description =
        "Lists the processes of a Linux guest at a moment of a trace, at many, or what happens to them\n"
        "(- reads the trace from a pipe).",
    .shared = {.json = "one JSON object per line instead of a table",
               .pandalog = "also write entries of a pandalog",
               .range = "first instr, for --every and --on",
               .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, plain_arguments({arguments + 1, arguments + count}));
}
