#include "analyzers/taint/taint_program.h"

#include <iostream>
#include <set>

#include "analyzers/names/moment_names.h"
#include "analyzers/osi/text.h"
#include "analyzers/syscalls/program.h"
#include "analyzers/taint/hypercalls.h"
#include "analyzers/taint/report_writer.h"
#include "analyzers/taint/reports.h"
#include "analyzers/taint/taint_options.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"

namespace panda::taint {

using analyzers::Run;
namespace po = boost::program_options;

namespace {

// The program that runs; the frame takes functions without a context.
const TaintProgram* running = nullptr;

void add_options(po::options_description& options) {
    add_taint_options(options);
    if ((running->reports & report_csv) != 0)
        options.add_options()("filename",
                              po::value<std::string>()->value_name("FILE")->default_value("ida_taint2.csv"),
                              "the file to write");
}

void take_words(const Run& run, SourceOptions& sources) {
    const bool takes = running->words_file || running->words_string;
    if (run.words().size() > (takes ? 2 : 1))
        throw UsageError("too many arguments");
    if (run.words().size() == 2)
        (running->words_file ? sources.files : sources.strings).push_back(run.words().front());
}

bool labels_something(const SourceOptions& sources) {
    return !sources.files.empty() || !sources.stdin_of.empty() || sources.network || sources.arguments ||
           sources.environment || !sources.ranges.empty() || !sources.registers.empty() ||
           !sources.strings.empty() || sources.hypercalls;
}

void warn(Run& run, const TaintPass& pass, const Sources& sources, Engine& engine) {
    for (const auto& [name, count] : engine.unknown_helpers())
        run.warn("warning: the instruction's helper " + name + " is not known: " + std::to_string(count) +
                 " times it mixed all that it may read into all that it may write");
    for (const auto& [name, count] : engine.unknown_operations())
        run.warn("warning: the operation " + name + " has no rule: " + std::to_string(count) +
                 " times all its inputs went into its outputs");
    if (engine.tags().overflows() != 0)
        run.warn("warning: " + std::to_string(engine.tags().overflows()) +
                 " sets of labels had more than --max-labels, and became \"many\"");
    if (sources.left_out() != 0)
        run.warn("warning: " + std::to_string(sources.left_out()) +
                 " bytes were not labelled, because --max-num-labels were");
    if (sources.nowhere() != 0)
        run.warn("warning: " + std::to_string(sources.nowhere()) + " bytes to label were not in memory");
    for (const std::string& text : sources.waiting())
        run.warn("warning: the trace does not come to " + text + ", where something was to be labelled");
    if (pass.gaps() != 0)
        run.warn("warning: the trace leaves out instructions in " + std::to_string(pass.gaps()) +
                 " places; there all labels end");
}

void write_csv(Run& run, const PlaceList& places) {
    std::set<std::pair<int64_t, uint64_t>> rows;
    for (const TaintedPlace& place : places.places())
        rows.emplace(place.where.kernel ? 0 : place.pid, place.where.pc);
    std::string text = "pid,pc\n";
    for (const auto& [pid, pc] : rows)
        text += std::to_string(pid) + "," + hex(pc) + "\n";
    require_other_file(run.reader().path(), run.text("filename"));
    OutputFile file(run.text("filename"), IfExists::overwrite);
    file.write(std::as_bytes(std::span(text)));
    file.close();
}

void analyze(Run& run) {
    TaintOptions options = taint_options(run);
    take_words(run, options.sources);
    if (!labels_something(options.sources))
        throw UsageError(
            "nothing is labelled: give --file, --stdin, --net, --argument, --environment, --range, "
            "--register, --string or --hypercalls");
    const unsigned reports = running->reports;
    options.limits.depths = (reports & report_depths) != 0;
    const analyzers::NameOptions names = analyzers::name_options(run.given());

    const trace::ReaderOptions reader_options{.tcg = true};
    trace::TraceReader& reader = run.reader(reader_options);
    TaintPass pass(reader, options.engine, options.limits);
    Sources sources(pass, options.sources);
    Queries queries(pass, options.queries);
    std::optional<Hypercalls> hypercalls;
    if (options.sources.hypercalls)
        hypercalls.emplace(pass);
    unsigned what = options.changes_only ? PlaceReport::changes_only : 0u;
    what |= (reports & (report_branches | report_depths)) != 0 ? PlaceReport::branches : 0u;
    what |= (reports & report_jumps) != 0 ? PlaceReport::jumps : 0u;
    what |= (reports & report_pointers) != 0 ? PlaceReport::pointers : 0u;
    what |=
        (reports & (report_instructions | report_csv | report_depths)) != 0 ? PlaceReport::instructions : 0u;
    std::optional<PlaceReport> places;
    if ((what & ~unsigned{PlaceReport::changes_only}) != 0)
        places.emplace(pass, what, options.all);
    std::optional<Liveness> liveness;
    if ((reports & report_liveness) != 0)
        liveness.emplace(pass);
    Leaving leaving(pass);

    syscalls::run_pass(run,
                       {.reader_options = reader_options,
                        .set_up =
                            [&](syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
                                pass.set_guest(guest);
                                sources.attach(tracker, guest);
                                if ((reports & report_left) != 0)
                                    leaving.attach(tracker, guest);
                            },
                        .observer = &pass,
                        .from_start = !options.sources.ranges.empty() || !options.sources.registers.empty(),
                        .without_kernel = !sources.needs_kernel()});
    if (pass.engine() == nullptr)
        throw FileError(reader.path(), "it has no snapshot of the machine");
    analyzers::MomentNames moment_names(reader, names);
    ReportWriter writer(run, pass, moment_names, running->name);
    if ((reports & report_labelled) != 0)
        writer.write_labelled(sources.labelled());
    if (hypercalls)
        writer.write_answers(hypercalls->answers());
    writer.write_queries(queries.answers());
    if (places && (reports & report_branches) != 0)
        writer.write_places("branch", places->branch_places());
    if (places && (reports & report_jumps) != 0)
        writer.write_places("jump", places->jump_places());
    if (places && (reports & report_pointers) != 0)
        writer.write_places("pointer", places->pointer_places());
    if (places && (reports & report_instructions) != 0)
        writer.write_places("instruction", places->instruction_places());
    if (places && (reports & report_depths) != 0)
        writer.write_depths(places->instruction_places(), places->branch_places());
    if (places && (reports & report_csv) != 0)
        write_csv(run, places->instruction_places());
    if ((reports & report_left) != 0)
        writer.write_left(leaving.left());
    if (liveness)
        writer.write_liveness(liveness->counts());
    warn(run, pass, sources, *pass.engine());
    if (hypercalls)
        for (const HypercallAnswer& answer : hypercalls->answers())
            if (answer.failed)
                run.set_incomplete();
}

}  // namespace

int run_taint_program(const TaintProgram& program, int count, char** arguments) {
    running = &program;
    return analyzers::run_analyzer(
        {.name = program.name,
         .summary = program.summary,
         .description = program.description,
         .arguments = program.words_file     ? "[PATH] TRACE"
                      : program.words_string ? "[TEXT] TRACE"
                                             : "TRACE",
         .words = program.words_file || program.words_string,
         .shared = {.pandalog = "also write each row as a fact", .range = nullptr, .threads = nullptr},
         .add_options = add_options,
         .analyze = analyze},
        count, arguments);
}

}  // namespace panda::taint
