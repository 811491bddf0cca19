// panda-trace: looks into traces, proves, cuts and recovers them.
#include <array>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "common/error.h"
#include "tools/trace/commands.h"
#include "trace/moment/mark_arguments.h"

namespace {

using Command = int (*)(const std::vector<std::string>&);

struct NamedCommand {
    const char* name;
    const char* summary;
    Command run;
};

constexpr std::array commands = {
    NamedCommand{"info", "say what a trace holds, and how large each part is", panda::trace_tool::info},
    NamedCommand{"dump", "print its blocks, events and accesses", panda::trace_tool::dump},
    NamedCommand{"verify", "rebuild memory from what was stored, and compare it with the snapshots",
                 panda::trace_tool::verify},
    NamedCommand{"cut", "make a trace of a part of it", panda::trace_tool::cut},
    NamedCommand{"recover", "make a whole trace from one that was cut short", panda::trace_tool::recover},
    NamedCommand{"diff", "align two traces, and say where they execute something else",
                 panda::trace_tool::diff},
};

void print_help() {
    std::cout << "Usage: panda-trace COMMAND [OPTIONS] TRACE\n\ncommands:\n";
    for (const NamedCommand& command : commands)
        std::cout << "  " << std::left << std::setw(9) << command.name << command.summary << "\n";
    std::cout << "\npanda-trace COMMAND --help lists its options. TRACE is a file, or - for standard input.\n"
                 "options:\n  --help, --version\n";
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.empty())
        throw panda::UsageError("a command is missing");
    if (arguments[0] == "--help" || arguments[0] == "-h") {
        print_help();
        return panda::exit_ok;
    }
    if (arguments[0] == "--version") {
        std::cout << panda::version_line("panda-trace") << "\n";
        return panda::exit_ok;
    }
    for (const NamedCommand& command : commands) {
        if (arguments[0] == command.name)
            return command.run(panda::trace::resolve_marks({arguments.begin() + 1, arguments.end()}));
    }
    throw panda::UsageError("there is no command " + arguments[0]);
}

}  // namespace

int main(int argc, char** argv) {
    return panda::run_main("panda-trace", [&] { return run({argv + 1, argv + argc}); });
}
