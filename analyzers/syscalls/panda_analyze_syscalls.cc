// panda-analyze-syscalls: the strace of a recording.
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>

#include "analyzers/osi/kernelinfo_path.h"
#include "analyzers/shared/arguments.h"
#include "analyzers/syscalls/json_writer.h"
#include "analyzers/syscalls/line_writer.h"
#include "analyzers/syscalls/open_kernel.h"
#include "analyzers/syscalls/summary.h"
#include "analyzers/syscalls/trace_pass.h"

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
        "expression,e", po::value<std::string>()->value_name("EXPR"),
        "only these calls: trace=open,read,file,network,process,!...")("follow,f", "the children of -p too")(
        "summary,c", "a table of how often each call was made, instead of the calls")(
        "time,t", "begin each line with the instr")(
        "string-limit,s", po::value<uint32_t>()->default_value(32), "bytes of a string that are shown")(
        "paths,y", "write what each file descriptor is")("json", "one JSON object a line")(
        "kconf", po::value<std::string>()->value_name("FILE"), "kernelinfo.conf for the guest's kernel")(
        "kconf-group", po::value<std::string>()->value_name("NAME"), "the group in it")("quiet,q",
                                                                                        "no progress bar");
    return options;
}

ReportOptions report_options(const po::variables_map& given) {
    ReportOptions options;
    if (given.count("expression") != 0)
        options.calls = CallSelection(given["expression"].as<std::string>());
    if (given.count("process") != 0)
        options.processes = given["process"].as<std::vector<std::string>>();
    options.follow = given.count("follow") != 0;
    options.text.string_limit = given["string-limit"].as<uint32_t>();
    return options;
}

std::string text_of(const po::variables_map& given, const char* name) {
    return given.count(name) != 0 ? given[name].as<std::string>() : "";
}

// What the command line asks to be written, and where.
struct Sinks {
    explicit Sinks(const po::variables_map& given) : json(given.count("json") != 0) {
        if (given.count("summary") != 0)
            summary = std::make_unique<Summary>();
        else if (json)
            calls = std::make_unique<JsonWriter>(std::cout);
        else
            calls = std::make_unique<LineWriter>(std::cout, given.count("time") != 0);
    }
    std::vector<CallSink*> all() const {
        std::vector<CallSink*> sinks;
        for (CallSink* sink : {calls.get(), static_cast<CallSink*>(summary.get())})
            if (sink != nullptr)
                sinks.push_back(sink);
        return sinks;
    }
    void write_summary() const {
        if (summary && json)
            summary->write_json(std::cout);
        else if (summary)
            summary->write_table(std::cout);
    }

    bool json;
    std::unique_ptr<CallSink> calls;
    std::unique_ptr<Summary> summary;
};

int run(int count, char** arguments) {
    const auto given = analyzers::parse_arguments(usage, count, arguments, visible_options());
    if (!given)
        return exit_ok;
    Sinks sinks(*given);
    CallReport report(report_options(*given), sinks.all());
    trace::TraceReader reader((*given)["trace"].as<std::string>());
    const bool quiet = given->count("quiet") != 0;
    Progress progress(usage.name, trace::pass_length(reader, {}), quiet);
    const SystemCallPass pass{
        kernel_opener(text_of(*given, "kconf"), text_of(*given, "kconf-group"), reader.path()),
        [&](CallTracker& tracker, LinuxGuest& guest) {
            if (given->count("paths") != 0)
                report.describe_fds([&guest](int64_t fd) { return guest.describe_fd(fd); });
            report.attach(tracker, guest);
        },
        [&progress](uint64_t instr) { progress.update(instr); }};
    const SystemCallPassResult result = run_system_call_pass(reader, pass);
    progress.finish();
    report.finish();
    sinks.write_summary();
    std::cout.flush();
    if (!result.flaw.empty())
        throw FileError(reader.path(), result.flaw);
    return exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-syscalls", [&] { return run(count, arguments); });
}
