// panda-recording: what is in a recording, whether it is whole, and parts of it.
#include <algorithm>
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "common/numbers.h"
#include "common/options.h"
#include "recorder/cli/process.h"
#include "tools/recording/commands.h"

namespace {

namespace po = boost::program_options;

constexpr const char* usage =
    "Usage: panda-recording info [--json] REC\n"
    "       panda-recording verify [--quiet] REC\n"
    "       panda-recording cut [--force] FROM:TO -o PART REC\n"
    "       panda-recording cut [--force] --command NAME -o PART REC\n"
    "       panda-recording cat [--force] -o WHOLE FIRST SECOND\n"
    "\n"
    "info says what is in the recording REC; verify reads all of it and checks that it is whole. cut writes "
    "a\n"
    "part of it as a recording of its own, and cat joins two parts, one of which begins where the other "
    "ends.\n";

constexpr const char* own_options[] = {"json", "quiet", "output", "force", "command", "qemu"};

// Which options a command has.
std::vector<std::string> options_of(const std::string& command) {
    if (command == "info")
        return {"json"};
    if (command == "verify")
        return {"quiet"};
    if (command == "cut")
        return {"quiet", "output", "force", "command", "qemu"};
    return {"output", "force"};
}

const std::string& text(const po::variables_map& given, const char* option) {
    return given[option].as<std::string>();
}

// Arguments: FROM:TO unless a process is named, and the recording.
void run_cut(const po::variables_map& given, const std::vector<std::string>& arguments) {
    panda::recording::CutOptions cut;
    if (!given.contains("output"))
        throw panda::UsageError("cut needs a file to write: -o PART");
    cut.output = text(given, "output");
    cut.force = given.contains("force");
    cut.quiet = given.contains("quiet");
    if (given.contains("qemu"))
        cut.qemu = text(given, "qemu");
    if (given.contains("command")) {
        cut.command = text(given, "command");
        if (arguments.size() != 2)
            throw panda::UsageError("cut --command takes one recording");
    } else {
        if (arguments.size() != 3)
            throw panda::UsageError("cut takes FROM:TO and one recording");
        const panda::NumberRange range = panda::parse_range("cut", arguments[1]);
        cut.from = range.from;
        if (range.to != panda::NumberRange().to)
            cut.to = range.to;
    }
    panda::recording::cut(arguments.back(), cut);
}

void run_cat(const po::variables_map& given, const std::vector<std::string>& arguments) {
    if (!given.contains("output") || arguments.size() != 3)
        throw panda::UsageError("cat takes two recordings and a file to write: -o WHOLE FIRST SECOND");
    panda::recording::join(arguments[1], arguments[2], text(given, "output"),
                           given.contains("force") ? panda::IfExists::overwrite : panda::IfExists::refuse);
}

int run(int argc, char** argv) {
    po::options_description options("Options");
    auto add = options.add_options();
    add("json", "info: print one JSON object");
    add("quiet,q", "verify: print nothing but errors; cut: no progress and no summary");
    add("output,o", po::value<std::string>()->value_name("FILE"), "cut, cat: the recording to write");
    add("force,f", "cut, cat: overwrite an existing file");
    add("command", po::value<std::string>()->value_name("NAME"),
        "cut: from the first exec of this process to its exit");
    add("qemu", po::value<std::string>()->value_name("FILE"), "cut: patched QEMU to run");
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
    if (command != "info" && command != "verify" && command != "cut" && command != "cat")
        throw panda::UsageError("no such command: " + command);
    const std::vector<std::string> known = options_of(command);
    for (const char* option : own_options)
        if (given.contains(option) && std::find(known.begin(), known.end(), option) == known.end())
            throw panda::UsageError(command + " has no option --" + option);
    if (command == "cut" || command == "cat") {
        command == "cut" ? run_cut(given, arguments) : run_cat(given, arguments);
        return panda::exit_ok;
    }
    if (arguments.size() != 2)
        throw panda::UsageError(command + " takes one recording");
    if (command == "info")
        panda::recording::print_info(arguments[1], given.contains("json"), std::cout);
    else
        panda::recording::verify(arguments[1], given.contains("quiet"), std::cout);
    return panda::exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
    return panda::run_main("panda-recording", [&] {
        try {
            return run(argc, argv);
        } catch (const panda::launch::Interrupted& signal) {
            std::cerr << "panda-recording: " << signal.what() << "\n";
            return 128 + signal.signal();
        }
    });
}
