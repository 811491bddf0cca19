// panda-analyze-osi: lists the processes of a guest at a moment of a trace.
#include <iostream>
#include <optional>

#include "analyzers/osi/arguments.h"
#include "analyzers/osi/file_report.h"
#include "analyzers/osi/memory_report.h"
#include "analyzers/osi/moment.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/process_report.h"
#include "common/command_line.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::analyze_osi;
namespace options = boost::program_options;

constexpr const char* program = "panda-analyze-osi";

options::options_description visible_options() {
    options::options_description visible("Options");
    auto add = visible.add_options();
    add("help,h", "show this help");
    add("version", "show the version");
    add("kconf", options::value<std::string>()->value_name("FILE"),
        "offsets of the guest's kernel (default: kernelinfo.conf next to the build or where it is installed, "
        "and else the guest's own memory)");
    add("kconf-group", options::value<std::string>()->value_name("NAME"),
        "group in that file (default: the one whose kernel is found in the guest)");
    add("os", options::value<std::string>()->value_name("NAME"),
        "what the guest must be: linux-64-debian, or with a whole group, linux-64-debian:6.1.0-9-amd64");
    add("load-now", "fail unless the kernel is found at the moment itself; default: look on at later ones");
    add("at", options::value<std::string>()->value_name("INSTR")->default_value("end"),
        "moment: end, or the instr of a snapshot of the trace");
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
    return visible;
}

// Writes a report of any kind, its warnings to standard error, and gives the exit status.
template <typename Report>
int write(Report report, uint64_t instr, bool json) {
    report.instr = instr;
    if (json)
        write_json(std::cout, report);
    else
        write_table(std::cout, report);
    for (const std::string& warning : report.warnings)
        std::cerr << program << ": " << warning << '\n';
    return report.warnings.empty() ? exit_ok : exit_failed;
}

ProviderOptions provider_options(const options::variables_map& given) {
    const auto text = [&](const char* option) {
        return given.count(option) != 0 ? given[option].as<std::string>() : std::string();
    };
    ProviderOptions wanted;
    wanted.kconf = text("kconf");
    wanted.group = text("kconf-group");
    if (given.count("os") != 0)
        wanted.os = parse_os(text("os"));
    wanted.load_now = given.count("load-now") != 0;
    wanted.directory = executable_directory();
    return wanted;
}

int analyze(const options::variables_map& given) {
    const auto has = [&](const char* option) { return given.count(option) != 0; };
    const auto text = [&](const char* option) { return given[option].as<std::string>(); };
    if (has("maps") + has("files") + has("modules") > 1)
        throw UsageError("--maps, --files and --modules exclude each other");
    std::optional<int64_t> pid;
    for (const char* option : {"maps", "files"})
        if (has(option))
            pid = parse_pid(std::string("--") + option, text(option));
    const ProviderOptions wanted_provider = provider_options(given);
    const Moment moment(text("trace"), parse_moment(text("at")));
    const auto point = moment.point();
    const auto provider = open_provider(wanted_provider, moment);
    if (has("modules"))
        return write(make_module_report(provider, point), moment.instr(), has("json"));
    if (has("maps"))
        return write(make_mapping_report(provider, point, pid), moment.instr(), has("json"));
    if (has("files"))
        return write(make_file_report(provider, point, pid), moment.instr(), has("json"));
    ProcessOptions wanted;
    wanted.idle = has("all");
    wanted.tree = has("tree");
    wanted.threads = has("threads");
    wanted.details = has("details") || has("json");
    wanted.arguments = has("args");
    wanted.environment = has("env");
    return write(make_process_report(provider, point, wanted), moment.instr(), has("json"));
}

int run(int count, char** arguments) {
    const auto visible = visible_options();
    options::options_description all;
    all.add(visible).add_options()("trace", options::value<std::string>());
    options::positional_options_description positional;
    positional.add("trace", 1);
    options::variables_map given;
    options::store(options::command_line_parser(plain_arguments({arguments + 1, arguments + count}))
                       .options(all)
                       .positional(positional)
                       .run(),
                   given);
    options::notify(given);
    if (given.count("help") != 0) {
        std::cout
            << "Usage: panda-analyze osi [options] TRACE\n\n"
            << "Lists the processes of a Linux guest at a moment of a trace (- reads it from a pipe).\n\n"
            << visible;
        return exit_ok;
    }
    if (given.count("version") != 0) {
        std::cout << version_line(program) << "\n";
        return exit_ok;
    }
    if (given.count("trace") == 0)
        throw UsageError("no trace given");
    return analyze(given);
}

}  // namespace

int main(int count, char** arguments) {
    return panda::run_main(program, [&] { return run(count, arguments); });
}
