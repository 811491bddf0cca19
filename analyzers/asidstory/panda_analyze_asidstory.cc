// panda-analyze-asidstory: which process ran when.
#include <iostream>
#include <optional>

#include "analyzers/asidstory/story.h"
#include "analyzers/asidstory/story_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::asidstory;
namespace po = boost::program_options;

constexpr unsigned max_width = 10000;

void add_options(po::options_description& options) {
    analyze_osi::add_kernel_options(options);
    auto add = options.add_options();
    add("width", number_value<unsigned>()->default_value(100), "columns of the picture");
    add("summary", "only the totals of each process");
    add("perfetto", po::value<std::string>()->value_name("FILE"),
        "also write a timeline for ui.perfetto.dev; compressed when the name ends in .gz");
}

// What is told of the story while it goes on, as the command line says.
struct Sinks {
    Sinks(analyzers::Run& run, bool summary) : json(std::cout) {
        if (run.json() && !summary)
            all.push_back(&json);
        if (pandalog::PandalogFile* log = run.pandalog(); log != nullptr && !summary)
            all.push_back(&log_runs.emplace(*log));
        if (run.has("perfetto")) {
            timeline.emplace(run.text("perfetto"));
            all.push_back(&timeline_runs.emplace(*timeline));
        }
    }

    JsonRunning json;
    std::optional<PandalogRunning> log_runs;
    std::optional<analyzers::TimelineFile> timeline;
    std::optional<Timeline> timeline_runs;
    std::vector<StoryListener*> all;
};

// Goes over the range, and ends the story where the range ends.
void follow(analyzers::Run& run, const analyze_osi::PassSystem& system, Story& story) {
    trace::TraceReader& reader = run.reader();
    trace::PassOptions pass = run.pass_options();
    uint64_t gone_by = 0;
    pass.progress = [&gone_by, draw = pass.progress](uint64_t done) {
        gone_by = done;
        draw(done);
    };
    const analyze_osi::Followed followed = analyze_osi::follow_events(reader, pass, system, story);
    run.end_progress();
    run.set_flaw(followed.flaw);
    if (!followed.warning.empty()) {
        run.warn(followed.warning);
        run.set_incomplete();
    }
    // Where a pipe ends is known only from its chunks.
    const uint64_t end = reader.seekable() ? reader.end_instr() : reader.header().first_instr + gone_by;
    story.finish(std::min(end, pass.range.to));
}

void analyze(analyzers::Run& run) {
    const auto width = run.given()["width"].as<unsigned>();
    if (width == 0 || width > max_width)
        throw UsageError("--width takes a number from 1 to " + std::to_string(max_width));
    const bool summary = run.has("summary");
    const auto wanted = analyze_osi::provider_options(run.given());
    const analyze_osi::PassSystem system{analyze_osi::provider_opener(wanted, run.reader().path()),
                                         wanted.load_now};
    Sinks sinks(run, summary);
    Story story(sinks.all);
    follow(run, system, story);
    if (run.json()) {
        write_json(std::cout, story);
    } else {
        write_table(std::cout, story);
        if (!summary) {
            std::cout << '\n';
            write_picture(std::cout, story, width);
        }
    }
    if (pandalog::PandalogFile* log = run.pandalog())
        write_pandalog(*log, story);
    if (sinks.timeline)
        sinks.timeline->finish();
}

constexpr analyzers::Program program = {
    .name = "asidstory",
    .summary = "which process ran when",
    .description = "Tells which process of a Linux guest ran when (- reads the trace from a pipe).",
    .shared = {.json = "one JSON object per line instead of a table and a picture",
               .pandalog = "also write entries of a pandalog",
               .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
