// The part of the command line that analyzers have in common: options, and one trace.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

#include "common/command_line.h"
#include "common/error.h"
#include "common/progress.h"
#include "trace/pass/pass.h"

namespace panda::analyzers {

namespace po = boost::program_options;

// A number, decimal or, with 0x, hexadecimal. Throws a UsageError that names the option.
inline uint64_t parse_number(const std::string& option, const std::string& text) {
    size_t used = 0;
    uint64_t value = 0;
    try {
        if (!text.empty() && text[0] >= '0' && text[0] <= '9')
            value = std::stoull(text, &used, text.starts_with("0x") ? 16 : 10);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used == 0 || used != text.size())
        throw UsageError(option + " takes a number, not \"" + text + "\"");
    return value;
}

struct Usage {
    const char* name;         // of the analyzer: "blocks"
    const char* arguments;    // after the options: "TRACE"
    const char* description;  // one or two sentences
};

// Parses what an analyzer's main was given: the options `visible`, and the positional ones, which `hidden`
// declares. Returns nothing after it has answered --help or --version. Throws UsageError and Boost's errors.
inline std::optional<po::variables_map> parse_arguments(
    const Usage& usage, int count, char** arguments, po::options_description visible,
    const po::options_description& hidden, const po::positional_options_description& positional) {
    visible.add_options()("help,h", "show this help")("version", "show the version");
    po::options_description all;
    all.add(visible).add(hidden);
    po::variables_map given;
    po::store(po::command_line_parser(count, arguments).options(all).positional(positional).run(), given);
    if (given.count("help") != 0) {
        std::cout << "Usage: panda-analyze " << usage.name << " [options] " << usage.arguments << "\n\n"
                  << usage.description << "\n\n"
                  << visible;
        return std::nullopt;
    }
    if (given.count("version") != 0) {
        std::cout << version_line(("panda-analyze-" + std::string(usage.name)).c_str()) << "\n";
        return std::nullopt;
    }
    po::notify(given);
    return given;
}

// The same for an analyzer whose only argument is the trace; it is given["trace"] then.
inline std::optional<po::variables_map> parse_arguments(const Usage& usage, int count, char** arguments,
                                                        const po::options_description& visible) {
    po::options_description hidden;
    hidden.add_options()("trace", po::value<std::string>());
    po::positional_options_description positional;
    positional.add("trace", 1);
    const auto given = parse_arguments(usage, count, arguments, visible, hidden, positional);
    if (given && given->count("trace") == 0)
        throw UsageError("no trace given");
    return given;
}

// Adds the options of every analyzer that passes over a range of a trace.
inline void add_pass_options(po::options_description& options) {
    options.add_options()("from", po::value<uint64_t>()->default_value(0), "first instr")(
        "to", po::value<uint64_t>()->default_value(~uint64_t{0}, "end"), "instr to stop before")(
        "threads", po::value<unsigned>()->default_value(0, "all"), "number of threads")("quiet,q",
                                                                                        "no progress bar");
}

// What the options above ask for. progress: must outlive the pass.
inline trace::PassOptions pass_options(const po::variables_map& given, Progress& progress) {
    trace::PassOptions options;
    options.range = {given["from"].as<uint64_t>(), given["to"].as<uint64_t>()};
    options.threads = given["threads"].as<unsigned>();
    options.progress = [&progress](uint64_t done) { progress.update(done); };
    if (options.range.from > options.range.to)
        throw UsageError("--from is after --to");
    return options;
}

// The progress bar of a pass.
inline Progress make_progress(const char* name, trace::TraceReader& reader, const po::variables_map& given) {
    const trace::InstrRange range{given["from"].as<uint64_t>(), given["to"].as<uint64_t>()};
    return {name, trace::pass_length(reader, range), given.count("quiet") != 0};
}

}  // namespace panda::analyzers
