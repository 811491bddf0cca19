// panda-recording: what is in a recording, and whether it is whole.
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "common/options.h"
#include "tools/recording/commands.h"

namespace {

namespace po = boost::program_options;

constexpr const char* usage =
    "Usage: panda-recording info [--json] REC\n"
    "       panda-recording verify [--quiet] REC\n"
    "\n"
    "info says what is in the recording REC; verify reads all of it and checks that it is whole.\n";

int run(int argc, char** argv) {
    po::options_description options("Options");
    auto add = options.add_options();
    add("json", "info: print one JSON object");
    add("quiet,q", "verify: print nothing but errors");
    add("help,h", "show this help");
    add("version", "show the version");
    po::options_description all;
    all.add(options);
    all.add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description words;
    words.add("words", -1);
    po::variables_map given;
    po::store(po::command_line_parser(argc, argv).options(all).positional(words).run(), given);
    if (given.contains("help")) {
        std::cout << usage << "\n" << options;
        return panda::exit_ok;
    }
    if (given.contains("version")) {
        std::cout << panda::version_line("panda-recording") << "\n";
        return panda::exit_ok;
    }
    if (!given.contains("words"))
        throw panda::UsageError("no command given");
    const auto& arguments = given["words"].as<std::vector<std::string>>();
    const std::string& command = arguments.front();
    if (command != "info" && command != "verify")
        throw panda::UsageError("no such command: " + command);
    if (arguments.size() != 2)
        throw panda::UsageError(command + " takes one recording");
    if (given.contains(command == "info" ? "quiet" : "json"))
        throw panda::UsageError(command + " has no such option");
    if (command == "info")
        panda::recording::print_info(arguments[1], given.contains("json"), std::cout);
    else
        panda::recording::verify(arguments[1], given.contains("quiet"), std::cout);
    return panda::exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
    return panda::run_main("panda-recording", [&] { return run(argc, argv); });
}
