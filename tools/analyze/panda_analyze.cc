// panda-analyze: runs panda-analyze-NAME, found beside it or on PATH, so that anyone can add an analyzer.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "tools/analyze/programs.h"

namespace {

using namespace panda;
using namespace panda::analyze;

constexpr const char* program = "panda-analyze";

void write_help(const std::vector<std::string>& directories) {
    std::cout << "Usage: " << program << " NAME [options] TRACE\n\n"
              << "Runs the analyzer panda-analyze-NAME, found beside this program or on PATH, on a trace.\n"
              << "panda-analyze NAME --help tells its options.\n\nAnalyzers found:\n";
    const auto programs = list_programs(directories);
    for (const Program& analyzer : programs)
        std::cout << "  " << analyzer.name << "  (" << analyzer.path << ")\n";
    if (programs.empty())
        std::cout << "  none\n";
}

int run(int count, char** arguments) {
    const char* path_variable = std::getenv("PATH");
    const auto directories =
        search_directories(executable_directory(), path_variable != nullptr ? path_variable : "");
    const std::string name = count > 1 ? arguments[1] : "";
    if (name == "--help" || name == "-h") {
        write_help(directories);
        return exit_ok;
    }
    if (name == "--version") {
        std::cout << version_line(program) << "\n";
        return exit_ok;
    }
    if (name.empty())
        throw UsageError("no analyzer named");
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
