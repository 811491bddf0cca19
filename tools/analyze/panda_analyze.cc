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
#include "tools/analyze/programs.h"

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
        << "       " << program << " [--list]\n\n"
        << "Runs the analyzer panda-analyze-NAME, found beside this program or on PATH, on a trace.\n"
        << "panda-analyze NAME --help tells its options; without NAME, the analyzers found are listed.\n\n"
        << "Options:\n"
        << "  --list       list the analyzers found, each with what it says about itself\n"
        << "  -h, --help   show this help\n"
        << "  --version    show the version\n";
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
    if (name[0] == '-')
        throw UsageError("unknown option " + name);
    const auto path = find_program(name, directories);
    if (!path)
        throw UsageError("no analyzer " + name + ": panda-analyze-" + name +
                         " is neither beside this program nor on PATH");
    std::signal(SIGPIPE, SIG_DFL);  // run_main ignores it, and exec would pass that on
    arguments[1] = const_cast<char*>(path->c_str());
    ::execv(path->c_str(), arguments + 1);
    throw FileError(*path, "cannot run: " + errno_text(errno));
}

}  // namespace

int main(int count, char** arguments) {
    return panda::run_main(program, [&] { return run(count, arguments); });
}
