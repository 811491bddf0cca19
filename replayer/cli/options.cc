#include "replayer/cli/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "common/options.h"

namespace panda::replay {
namespace {

namespace po = boost::program_options;

constexpr const char* usage =
    "Usage: panda-replay [options] RECORDING.panda\n\n"
    "Replays a recording, checks that nothing diverges, and writes down what happened.\n";

// What is traced ends where the replay does: --stop-at and --window, whichever comes first.
void apply_window(const NumberRange& window, Options& options) {
    options.from = window.from;
    if (window.to != NumberRange().to)
        options.stop_at = std::min(options.stop_at.value_or(window.to), window.to);
    if (options.stop_at && *options.stop_at <= options.from)
        throw UsageError("--window ends before it starts");
}

}  // namespace

void check_output(const std::string& file, bool force) {
    namespace fs = std::filesystem;
    if (file.empty() || file == "-")
        return;
    // A device (/dev/null) or a pipe is meant to be written to.
    if (!force && fs::exists(file) && (fs::is_regular_file(file) || fs::is_directory(file)))
        throw FileError(file, "already exists (--force overwrites it)");
}

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    bool verify_only = false;
    uint64_t stop_at = 0;
    uint64_t asid = 0;
    uint64_t snapshots = 0;
    std::string window;
    po::options_description visible("options");
    auto add = visible.add_options();
    add("trace,t", po::value(&options.trace), "write a trace to this file; - is standard output");
    add("panda", po::value(&options.panda)->value_name("SPEC"),
        "run analyzers while replaying: 'NAME;NAME:option,option=value'");
    add("results", po::value(&options.results)->value_name("DIR"),
        "with --panda: write what each analyzer prints to DIR/NAME.out");
    add("columns", po::value(&options.columns),
        "what the trace holds: blocks (and events), memory (also addresses), full (also stored values; "
        "default)");
    add("registers", po::bool_switch(&options.registers),
        "also trace the registers with which each block starts");
    add("window", po::value(&window), "trace only instructions FROM:TO");
    add("asid", number_value(&asid), "trace only this address space (CR3)");
    add("user", po::bool_switch(&options.user), "trace only user mode");
    add("kernel", po::bool_switch(&options.kernel), "trace only kernel mode");
    add("snapshots", number_value(&snapshots),
        "instructions between the trace's snapshots of memory (default: 64 million, or more if the guest has "
        "over 1 GiB; 0: only at start and end)");
    add("level", number_value(&options.level), "zstd's compression level for the trace, 1 to 19 (default 3)");
    add("verify-only", po::bool_switch(&verify_only), "only replay and check; the same as no --trace");
    add("stop-at", number_value(&stop_at), "stop after this many instructions");
    add("serial", po::value(&options.serial),
        "write what the guest printed to this file; - is standard output");
    add("output", po::value(&options.serial), "another name of --serial");
    add("force,f", po::bool_switch(&options.force), "overwrite existing files");
    add("qemu", po::value(&options.qemu), "patched QEMU to run");
    add("quiet,q", po::bool_switch(&options.quiet), "show no progress and no summary");
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
    if (!options.panda.empty() && !options.trace.empty())
        throw UsageError("--panda and --trace exclude each other");
    if (!options.panda.empty() && options.serial == "-" && options.results.empty())
        throw UsageError("--panda and --serial cannot both go to standard output");
    if (options.panda.empty() && !options.results.empty())
        throw UsageError("--results goes with --panda");
    if (options.trace == "-" && options.serial == "-")
        throw UsageError("--trace and --serial cannot both go to standard output");
    if (values.contains("stop-at"))
        options.stop_at = stop_at;
    if (options.columns != "blocks" && options.columns != "memory" && options.columns != "full")
        throw UsageError("--columns is blocks, memory or full");
    if (options.level < 1 || options.level > 19)
        throw UsageError("--level is between 1 and 19");
    if (options.user && options.kernel)
        throw UsageError("--user and --kernel exclude each other");
    if (values.contains("window"))
        apply_window(parse_range("--window", window), options);
    if (values.contains("snapshots"))
        options.snapshot_interval = snapshots;
    if (values.contains("asid"))
        options.asid = asid;
    if (options.trace.empty() && options.panda.empty() &&
        (options.from != 0 || options.asid || options.user || options.kernel || options.registers))
        throw UsageError("an option says what to trace, but --trace is missing");
    check_output(options.trace, options.force);
    check_output(options.serial, options.force);
    return options;
}

}  // namespace panda::replay
