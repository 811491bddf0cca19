// panda-analyze-syscalls: the strace of a recording.
#include <iostream>
#include <memory>

#include "analyzers/syscalls/json_writer.h"
#include "analyzers/syscalls/line_writer.h"
#include "analyzers/syscalls/pandalog_writer.h"
#include "analyzers/syscalls/program.h"
#include "analyzers/syscalls/summary.h"
#include "analyzers/syscalls/timeline_writer.h"

namespace {

using namespace panda;
using namespace panda::syscalls;
using analyzers::Run;
namespace po = boost::program_options;

// How often an option is given.
class CountValue final : public po::value_semantic {
  public:
    std::string name() const override { return ""; }
    unsigned min_tokens() const override { return 0; }
    unsigned max_tokens() const override { return 0; }
    bool is_composing() const override { return true; }
    bool is_required() const override { return false; }
    void parse(boost::any& store, const std::vector<std::string>&, bool) const override {
        const auto* before = boost::any_cast<unsigned>(&store);
        store = before == nullptr ? 1u : *before + 1;
    }
    bool apply_default(boost::any&) const override { return false; }
    void notify(const boost::any&) const override {}
};

LineOptions line_options(const Run& run) {
    using Time = LineOptions::Time;
    LineOptions options;
    options.instr = run.has("instr");
    options.since_last = run.has("relative");
    options.spent = run.has("spent");
    if (run.has("time")) {
        const unsigned count = run.given()["time"].as<unsigned>();
        options.time = count == 1 ? Time::of_day : count == 2 ? Time::of_day_exact : Time::since_1970;
    }
    return options;
}

void add_options(po::options_description& options) {
    add_process_option(options, "only these processes and tasks");
    auto add = options.add_options();
    add("expression,e", po::value<std::vector<std::string>>()->value_name("EXPR"),
        "only these calls and signals: trace=open,read,file,network,process,!..., signal=CHLD,none,...");
    add("follow,f", "also the children of these processes");
    add("summary,c", "a table of how often each call was made, instead of the calls");
    add("time,t", new CountValue,
        "start each line with the guest's time; -tt: with microseconds; -ttt: since 1970");
    add("relative,r", "start each line with the time since the line before");
    add("spent,T", "end each line with the time that the call took");
    add("instr", "start each line with the instr");
    add("string-limit,s", number_value<uint32_t>()->default_value(32), "bytes of a string that are shown");
    add("paths,y", "write what each file descriptor is");
    add("perfetto", po::value<std::string>()->value_name("FILE"),
        "write a timeline for ui.perfetto.dev instead, .json or .json.gz");
    add_kernel_options(options);
}

ReportOptions report_options(const Run& run) {
    ReportOptions options;
    for (const std::string& expression : run.texts("expression")) {
        if (const std::string kind = expression.substr(0, expression.find('='));
            kind == "signal" || kind == "signals" || kind == "s")
            options.signals = SignalSelection(expression.substr(kind.size() + 1));
        else
            options.calls = CallSelection(expression);
    }
    options.processes = run.texts("process");
    options.follow = run.has("follow");
    options.text.string_limit = run.given()["string-limit"].as<uint32_t>();
    return options;
}

// What the command line asks for, and where it is written.
struct Sinks {
    explicit Sinks(Run& run) : json(run.json()) {
        if (pandalog::PandalogFile* log = run.pandalog())
            files.push_back(std::make_unique<PandalogWriter>(*log));
        if (run.has("perfetto"))
            files.push_back(std::make_unique<TimelineWriter>(run.text("perfetto")));
        if (run.has("summary"))
            summary = std::make_unique<Summary>();
        else if (json)
            lines = std::make_unique<JsonWriter>(std::cout);
        else if (files.empty())
            lines = std::make_unique<LineWriter>(std::cout, line_options(run));
    }
    std::vector<CallSink*> all() const {
        std::vector<CallSink*> sinks;
        for (const auto& file : files)
            sinks.push_back(file.get());
        if (lines)
            sinks.push_back(lines.get());
        if (summary)
            sinks.push_back(summary.get());
        return sinks;
    }
    void write_summary() const {
        if (summary && json)
            summary->write_json(std::cout);
        else if (summary)
            summary->write_table(std::cout);
    }

    bool json;
    std::unique_ptr<CallSink> lines;
    std::unique_ptr<Summary> summary;
    std::vector<std::unique_ptr<CallSink>> files;
};

void analyze(Run& run) {
    const ReportOptions wanted = report_options(run);
    run.reader();  // files are not made for a trace that cannot be opened
    Sinks sinks(run);
    CallReport report(wanted, sinks.all());
    run_pass(run, [&](CallTracker& tracker, LinuxGuest& guest) {
        if (run.has("paths"))
            report.describe_fds([&guest](int64_t fd) { return guest.describe_fd(fd); });
        report.tell_sockets([&guest](int64_t fd) -> std::optional<SocketKind> {
            const auto socket = guest.socket(fd);
            if (!socket)
                return std::nullopt;
            // As with strace, which learns the protocol from the kernel's table, a netlink socket has none before it
            // has a number.
            const bool nameless = socket->local.ends_with(":kernel");
            return SocketKind{socket->family, nameless ? unknown_protocol : socket->protocol};
        });
        report.tell_interfaces([&guest](uint32_t number) { return guest.interface_name(number); });
        report.attach(tracker, guest);
    });
    report.finish();
    sinks.write_summary();
}

constexpr analyzers::SharedOptions options = {
    .pandalog = "write them to a pandalog instead", .range = nullptr, .threads = nullptr};
constexpr analyzers::Program program = {
    .name = "syscalls",
    .summary = "the system calls of every process, as strace writes them",
    .description =
        "Writes the system calls of every process of the guest as strace does, with what they returned. "
        "TRACE is a\n"
        "file, or - for standard input; it must have all columns of memory.",
    .shared = options,
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
