// panda-analyze: runs panda-analyze-NAME, found beside it or on PATH, so that anyone can add an analyzer.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "tools/analyze/descriptions.h"
#include "tools/analyze/other_names.h"
#include "tools/analyze/programs.h"
#include "tools/analyze/side_by_side.h"

namespace {

using namespace panda;
using namespace panda::analyze;

constexpr const char* program = "panda-analyze";

// How long analyzers have to say what they do.
constexpr std::chrono::milliseconds describing_limit(2000);

void write_list(const std::vector<std::string>& directories) {
    const auto programs = list_programs(directories);
    const auto lines = describe(programs, describing_limit);
    size_t width = 0;
    for (const Program& analyzer : programs)
        width = std::max(width, analyzer.name.size());
    for (size_t number = 0; number < programs.size(); ++number) {
        const std::string& name = programs[number].name;
        std::cout << "  " << name;
        if (!lines[number].empty())
            std::cout << std::string(width - name.size() + 2, ' ') << lines[number];
        std::cout << "\n";
    }
    if (programs.empty())
        std::cout << "  none\n";
}

void write_help() {
    std::cout
        << "Usage: " << program << " NAME [options] TRACE\n"
        << "       " << program << " --panda 'NAME;NAME:option,option=value;...' [options] TRACE\n"
        << "       " << program << " [--list]\n\n"
        << "Runs the analyzer panda-analyze-NAME, found beside this program or on PATH, on a trace.\n"
        << "panda-analyze NAME --help tells its options; without NAME, the analyzers found are listed.\n\n"
        << "Options:\n"
        << "  --list        list the analyzers found, each with what it says about itself\n"
        << "  --panda SPEC  run several analyzers at the same time, on a file or on one stream (-)\n"
        << "  --results DIR with --panda: write what each one prints to DIR/NAME.out\n"
        << "  -q, --quiet   with --panda: neither progress nor how each one ended\n"
        << "  --needs       with --panda: only print what the analyzers need of a trace\n"
        << "  -h, --help    show this help\n"
        << "  --version     show the version\n";
}

std::string require_program(const std::string& name, const std::vector<std::string>& directories) {
    if (const auto path = find_program(name, directories))
        return *path;
    if (const std::string other = other_name(name); !other.empty())
        throw UsageError("what PANDA's plugin " + name + " tells, " + other + " does");
    throw UsageError("no analyzer " + name + ": panda-analyze-" + name +
                     " is neither beside this program nor on PATH");
}

// --panda SPEC [options] TRACE
int run_several(const std::vector<std::string>& words, const std::vector<std::string>& directories) {
    std::string text;
    SideBySide options;
    bool needs = false;
    for (size_t i = 0; i < words.size(); ++i) {
        const auto value = [&](const std::string& option) {
            if (words[i] == option && i + 1 == words.size())
                throw UsageError(option + " needs a value");
            return words[i] == option ? words[++i] : words[i].substr(option.size() + 1);
        };
        const auto is = [&](const std::string& option) {
            return words[i] == option || words[i].starts_with(option + "=");
        };
        if (is("--panda"))
            text = value("--panda");
        else if (is("--results"))
            options.results = value("--results");
        else if (words[i] == "--quiet" || words[i] == "-q")
            options.quiet = true;
        else if (words[i] == "--needs")
            needs = true;
        else if (words[i].starts_with("-") && words[i] != "-")
            throw UsageError("unknown option " + words[i]);
        else if (options.trace.empty())
            options.trace = words[i];
        else
            throw UsageError("there is one trace: " + words[i]);
    }
    const std::vector<Request> requests = parse_requests(text);
    std::vector<std::string> programs;
    for (const Request& request : requests)
        programs.push_back(require_program(request.name, directories));
    if (needs) {
        std::cout << needs_of(requests, programs) << "\n";
        return exit_ok;
    }
    if (options.trace.empty())
        throw UsageError("no trace given");
    return run_side_by_side(requests, programs, options);
}

int run(int count, char** arguments) {
    const char* path_variable = std::getenv("PATH");
    const auto directories =
        search_directories(executable_directory(), path_variable != nullptr ? path_variable : "");
    const std::string name = count > 1 ? arguments[1] : "";
    if (name == "--help" || name == "-h") {
        write_help();
        return exit_ok;
    }
    if (name == "--version") {
        std::cout << version_line(program) << "\n";
        return exit_ok;
    }
    if (name.empty() || name == "--list") {
        write_list(directories);
        return exit_ok;
    }
    if (name.starts_with("--panda"))
        return run_several({arguments + 1, arguments + count}, directories);
    if (name[0] == '-')
        throw UsageError("unknown option " + name);
    const std::string path = require_program(name, directories);
    std::signal(SIGPIPE, SIG_DFL);  // run_main ignores it, and exec would pass that on
    arguments[1] = const_cast<char*>(path.c_str());
    ::execv(path.c_str(), arguments + 1);
    throw FileError(path, "cannot run: " + errno_text(errno));
}

}  // namespace

int main(int count, char** arguments) {
    return panda::run_main(program, [&] { return run(count, arguments); });
}
