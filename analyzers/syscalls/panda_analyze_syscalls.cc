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
namespace po = boost::program_options;

constexpr analyzers::Usage usage = {"syscalls", "TRACE",
                                    "Writes the system calls of every process of the guest as strace does, "
                                    "with what they returned. TRACE is a\n"
                                    "file, or - for standard input; it must have all columns of memory."};

po::options_description visible_options() {
    po::options_description options("Options");
    options.add_options()("process,p", po::value<std::vector<std::string>>()->value_name("PID|NAME,..."),
                          "only these processes and tasks")(
        "expression,e", po::value<std::vector<std::string>>()->value_name("EXPR"),
        "only these calls and signals: trace=open,read,file,network,process,!..., signal=CHLD,none,...")(
        "follow,f", "the children of -p too")(
        "summary,c", "a table of how often each call was made, instead of the calls")(
        "time,t", "begin each line with the instr")(
        "string-limit,s", po::value<uint32_t>()->default_value(32), "bytes of a string that are shown")(
        "paths,y", "write what each file descriptor is")("json", "one JSON object a line")(
        "pandalog", po::value<std::string>()->value_name("FILE"), "write them to a pandalog instead")(
        "perfetto", po::value<std::string>()->value_name("FILE"),
        "write a timeline for ui.perfetto.dev instead, .json or .json.gz");
    add_kernel_options(options);
    return options;
}

ReportOptions report_options(const po::variables_map& given) {
    ReportOptions options;
    if (given.count("expression") != 0)
        for (const std::string& expression : given["expression"].as<std::vector<std::string>>()) {
            if (const std::string kind = expression.substr(0, expression.find('='));
                kind == "signal" || kind == "signals" || kind == "s")
                options.signals = SignalSelection(expression.substr(kind.size() + 1));
            else
                options.calls = CallSelection(expression);
        }
    if (given.count("process") != 0)
        options.processes = given["process"].as<std::vector<std::string>>();
    options.follow = given.count("follow") != 0;
    options.text.string_limit = given["string-limit"].as<uint32_t>();
    return options;
}

// What the command line asks to be written, and where.
struct Sinks {
    explicit Sinks(const po::variables_map& given) : json(given.count("json") != 0) {
        if (given.count("pandalog") != 0)
            files.push_back(std::make_unique<PandalogWriter>(given["pandalog"].as<std::string>()));
        if (given.count("perfetto") != 0)
            files.push_back(std::make_unique<TimelineWriter>(given["perfetto"].as<std::string>()));
        if (given.count("summary") != 0)
            summary = std::make_unique<Summary>();
        else if (json)
            lines = std::make_unique<JsonWriter>(std::cout);
        else if (files.empty())
            lines = std::make_unique<LineWriter>(std::cout, given.count("time") != 0);
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

int run(int count, char** arguments) {
    const auto given = analyzers::parse_arguments(usage, count, arguments, visible_options());
    if (!given)
        return exit_ok;
    Sinks sinks(*given);
    CallReport report(report_options(*given), sinks.all());
    return run_program(
        usage.name, *given,
        [&](CallTracker& tracker, LinuxGuest& guest) {
            if (given->count("paths") != 0)
                report.describe_fds([&guest](int64_t fd) { return guest.describe_fd(fd); });
            report.attach(tracker, guest);
        },
        [&] {
            report.finish();
            sinks.write_summary();
        });
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-syscalls", [&] { return run(count, arguments); });
}
