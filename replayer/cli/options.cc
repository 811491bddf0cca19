#include "replayer/cli/options.h"

#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"

namespace panda::replay {
namespace {

namespace po = boost::program_options;

constexpr const char* usage =
    "usage: panda-replay [options] RECORDING.panda\n\n"
    "Replays a recording, checks that nothing diverges, and writes down what happened.\n";

void check_output(const std::string& file, bool force) {
    namespace fs = std::filesystem;
    if (file.empty() || file == "-")
        return;
    // A device (/dev/null) or a pipe is there to be written to.
    if (!force && fs::exists(file) && (fs::is_regular_file(file) || fs::is_directory(file)))
        throw FileError(file, "exists already (--force overwrites it)");
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    bool verify_only = false;
    uint64_t stop_at = 0;
    po::options_description visible("options");
    auto add = visible.add_options();
    add("trace,t", po::value(&options.trace), "write a trace to this file; - is standard output");
    add("verify-only", po::bool_switch(&verify_only), "only replay and check; the same as no --trace");
    add("stop-at", po::value(&stop_at), "stop after this many instructions");
    add("serial,output", po::value(&options.serial),
        "write what the guest printed to this file; - is standard output");
    add("force,f", po::bool_switch(&options.force), "overwrite existing files");
    add("qemu", po::value(&options.qemu), "patched QEMU to run");
    add("quiet,q", po::bool_switch(&options.quiet), "no progress and no summary");
    add("help,h", "show this help");
    add("version", "show the version");
    po::options_description all;
    all.add(visible).add_options()("recording", po::value(&options.recording));
    po::positional_options_description positional;
    positional.add("recording", 1);

    po::variables_map values;
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional).style(style).run(),
              values);
    if (values.contains("help")) {
        std::cout << usage << "\n" << visible;
        return std::nullopt;
    }
    if (values.contains("version")) {
        std::cout << version_line("panda-replay") << "\n";
        return std::nullopt;
    }
    po::notify(values);
    if (options.recording.empty())
        throw UsageError("no recording given");
    if (verify_only && !options.trace.empty())
        throw UsageError("--verify-only and --trace exclude each other");
    if (options.trace == "-" && options.serial == "-")
        throw UsageError("--trace and --serial cannot both go to standard output");
    if (values.contains("stop-at"))
        options.stop_at = stop_at;
    check_output(options.trace, options.force);
    check_output(options.serial, options.force);
    return options;
}

}  // namespace panda::replay
