// panda-analyze-asidstory: which process ran when.
#include <iostream>
#include <optional>

#include "analyzers/asidstory/story.h"
#include "analyzers/asidstory/story_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/shared/arguments.h"

namespace {

using namespace panda;
using namespace panda::asidstory;
namespace options = boost::program_options;

constexpr const char* program = "panda-analyze-asidstory";
constexpr unsigned max_width = 10000;

options::options_description visible_options() {
    options::options_description visible("Options");
    analyze_osi::add_kernel_options(visible);
    auto add = visible.add_options();
    add("width", options::value<unsigned>()->default_value(100), "columns of the picture");
    add("summary", "only the totals of each process");
    add("json", "one JSON object a line instead of a table and a picture");
    add("pandalog", options::value<std::string>()->value_name("FILE"), "entries of a pandalog too");
    add("perfetto", options::value<std::string>()->value_name("FILE"),
        "a timeline that ui.perfetto.dev opens too; compressed when the name ends in .gz");
    add("from", options::value<uint64_t>()->default_value(0), "first instr");
    add("to", options::value<uint64_t>()->default_value(~uint64_t{0}, "end"), "instr to stop before");
    add("quiet,q", "no progress bar");
    return visible;
}

int analyze(const options::variables_map& given) {
    const unsigned width = given["width"].as<unsigned>();
    if (width == 0 || width > max_width)
        throw UsageError("--width takes a number from 1 to " + std::to_string(max_width));
    const bool summary = given.count("summary") != 0;
    const bool json = given.count("json") != 0;
    trace::PassOptions pass;
    pass.range = {given["from"].as<uint64_t>(), given["to"].as<uint64_t>()};
    if (pass.range.from > pass.range.to)
        throw UsageError("--from is after --to");
    const auto wanted = analyze_osi::provider_options(given);
    trace::TraceReader reader(given["trace"].as<std::string>());
    const analyze_osi::PassSystem system{analyze_osi::provider_opener(wanted, reader.path()),
                                         wanted.load_now};

    std::vector<StoryListener*> listeners;
    JsonRunning json_running(std::cout);
    if (json && !summary)
        listeners.push_back(&json_running);
    std::optional<pandalog::PandalogFile> log;
    std::optional<PandalogRunning> log_running;
    if (given.count("pandalog") != 0) {
        log.emplace(given["pandalog"].as<std::string>());
        log_running.emplace(*log);
        if (!summary)
            listeners.push_back(&*log_running);
    }
    std::optional<analyzers::TimelineFile> timeline;
    std::optional<Timeline> timeline_runs;
    if (given.count("perfetto") != 0) {
        timeline.emplace(given["perfetto"].as<std::string>());
        timeline_runs.emplace(*timeline);
        listeners.push_back(&*timeline_runs);
    }

    Story story(std::move(listeners));
    Progress progress("asidstory", trace::pass_length(reader, pass.range), given.count("quiet") != 0);
    uint64_t gone_by = 0;
    pass.progress = [&](uint64_t done) {
        gone_by = done;
        progress.update(done);
    };
    const std::string warning = analyze_osi::follow_events(reader, pass, system, story);
    progress.finish();
    // Of a pipe the chunks tell.
    const uint64_t end = reader.seekable() ? reader.end_instr() : reader.header().first_instr + gone_by;
    story.finish(std::min(end, pass.range.to));
    if (json) {
        write_json(std::cout, story);
    } else {
        write_table(std::cout, story);
        if (!summary) {
            std::cout << '\n';
            write_picture(std::cout, story, width);
        }
    }
    if (log) {
        write_pandalog(*log, story);
        log->finish();
    }
    if (timeline)
        timeline->finish();
    if (!warning.empty())
        std::cerr << program << ": " << warning << '\n';
    return warning.empty() ? exit_ok : exit_failed;
}

int run(int count, char** arguments) {
    const auto given = analyzers::parse_arguments(
        {"asidstory", "TRACE",
         "Tells which process of a Linux guest ran when (- reads the trace from a pipe)."},
        count, arguments, visible_options());
    return given ? analyze(*given) : exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return panda::run_main(program, [&] { return run(count, arguments); });
}
