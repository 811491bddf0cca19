// panda-analyze-calls: who called whom in a window of a trace, as a tree or on a timeline.
#include <iostream>
#include <optional>
#include <set>

#include "analyzers/names/moment_names.h"
#include "analyzers/profile/call_story.h"
#include "analyzers/shared/frame.h"
#include "analyzers/shared/timeline_file.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::profile;
using analyzers::Run;
namespace po = boost::program_options;

const char* kind_name(callstack::FrameKind kind) {
    switch (kind) {
        case callstack::FrameKind::call:
            return "call";
        case callstack::FrameKind::system_call:
            return "system-call";
        case callstack::FrameKind::interrupt:
            return "interrupt";
        case callstack::FrameKind::exception:
            return "exception";
        case callstack::FrameKind::signal:
            return "signal";
    }
    return "";
}

class Tree final : public CallSink {
  public:
    explicit Tree(std::optional<int64_t> pid) : pid_(pid) {}
    void on_begin(const CallLine& line) override {
        if (pid_ && line.owner->pid != *pid_)
            return;
        if (line.owner != owner_) {
            owner_ = line.owner;
            std::cout << "--- " << (owner_->name.empty() ? "?" : owner_->name) << " (" << owner_->pid << "/"
                      << owner_->tid << ")\n";
        }
        std::cout << line.instr << std::string(2 + 2 * std::min(line.depth, 100u), ' ') << line.name;
        if (line.kind != callstack::FrameKind::call)
            std::cout << "  (" << kind_name(line.kind) << ")";
        std::cout << '\n';
    }

  private:
    std::optional<int64_t> pid_;
    const Owner* owner_ = nullptr;
};

class JsonCalls final : public CallSink {
  public:
    explicit JsonCalls(std::optional<int64_t> pid) : pid_(pid) {}
    void on_end(const CallLine& line) override {
        if (pid_ && line.owner->pid != *pid_)
            return;
        write_json_line(std::cout, {{"kind", kind_name(line.kind)},
                                    {"instr", line.instr},
                                    {"end_instr", line.end_instr},
                                    {"pid", line.owner->pid},
                                    {"tid", line.owner->tid},
                                    {"name", line.owner->name},
                                    {"depth", line.depth},
                                    {"pc", hex(line.function)},
                                    {"function", line.name}});
    }

  private:
    std::optional<int64_t> pid_;
};

class Slices final : public CallSink {
  public:
    Slices(const std::string& path, std::optional<int64_t> pid) : file_(path), pid_(pid) {}
    void on_end(const CallLine& line) override {
        if (pid_ && line.owner->pid != *pid_)
            return;
        if (named_.insert(line.owner).second) {
            if (line.owner->pid == line.owner->tid)
                file_.name_process(line.owner->pid, line.owner->name);
            file_.name_thread(line.owner->pid, line.owner->tid, line.owner->name);
        }
        file_.add({{"ph", "X"},
                   {"name", line.name},
                   {"cat", kind_name(line.kind)},
                   {"pid", line.owner->pid},
                   {"tid", line.owner->tid},
                   {"ts", analyzers::timeline_time(line.instr)},
                   {"dur", analyzers::timeline_time(line.end_instr - line.instr)},
                   {"args", {{"instr", line.instr}, {"pc", hex(line.function)}}}});
    }
    void finish() { file_.finish(); }

  private:
    analyzers::TimelineFile file_;
    std::optional<int64_t> pid_;
    std::set<const Owner*> named_;
};

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("depth", number_value()->value_name("N")->default_value(1000),
        "leave out calls with more calls around them");
    add("pid", number_value(), "only calls of this process");
    add("perfetto", po::value<std::string>()->value_name("FILE"),
        "write a timeline for ui.perfetto.dev instead of a tree");
    analyzers::add_name_options(options);
}

void analyze(Run& run) {
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    const std::optional<int64_t> pid =
        run.has("pid") ? std::optional(static_cast<int64_t>(run.number("pid"))) : std::nullopt;
    const auto depth = static_cast<unsigned>(std::min<uint64_t>(run.number("depth"), 4000));
    trace::TraceReader& reader = run.reader();
    Tree tree(pid);
    JsonCalls json(pid);
    std::optional<Slices> slices;
    std::vector<CallSink*> sinks;
    if (run.has("perfetto")) {
        require_other_file(reader.path(), run.text("perfetto"));
        sinks.push_back(&slices.emplace(run.text("perfetto"), pid));
    }
    if (run.json())
        sinks.push_back(&json);
    else if (!slices)
        sinks.push_back(&tree);
    osi::Symbolizer symbolizer(wanted.directories);
    const auto system =
        analyzers::followed_system(reader, wanted, analyzers::read_kernel(reader, wanted, symbolizer));
    trace::PassOptions options = run.pass_options(!slices || run.json());
    options.in_order = true;
    auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return CallStory(state, sinks, depth, symbolizer, system);
    });
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
    if (slices)
        slices->finish();
}

constexpr analyzers::Program program = {
    .name = "calls",
    .summary = "who called whom in a window, as a tree or on a timeline",
    .description =
        "Prints every call of a part of a trace. --from and --to choose it.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
