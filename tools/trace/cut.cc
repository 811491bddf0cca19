// panda-trace cut: makes a trace of a part of another one.
#include "trace/edit/cut.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "common/json_value.h"
#include "common/progress.h"
#include "tools/trace/commands.h"
#include "tools/trace/options.h"
#include "trace/moment/mark_arguments.h"

namespace panda::trace_tool {
namespace {

// Whether an argument is meant as a range, and not as the name of a file.
bool looks_like_range(const std::string& text) {
    const auto starts_number = [](char letter) { return letter >= '0' && letter <= '9'; };
    const size_t colon = text.find(':');
    return colon != std::string::npos && text.find_first_not_of("0123456789abcdefABCDEFxX:") == text.npos &&
           (colon == 0 || starts_number(text[0])) &&
           (colon + 1 == text.size() || starts_number(text[colon + 1]));
}

// The first word that is a range, of numbers or of marks, which become numbers, and is not the value of an option.
std::vector<std::string>::iterator find_range(std::vector<std::string>& arguments) {
    for (auto word = arguments.begin(); word != arguments.end(); ++word) {
        if (word->starts_with('-') || word->find(':') == std::string::npos)
            continue;
        if (word != arguments.begin()) {
            const std::string& before = *std::prev(word);
            if (before == "-o" || before == "--output" || before == "--level")
                continue;
        }
        const std::string resolved = trace::resolve_range(*word, arguments.back());
        if (looks_like_range(resolved)) {
            *word = resolved;
            return word;
        }
    }
    return arguments.end();
}

// Tells a range with a mistake in it from a trace, which may have a colon in its name.
void refuse_wrong_range(const std::vector<std::string>& arguments) {
    for (const std::string& text : arguments)
        if (!text.starts_with('-') && text.find(':') != std::string::npos && !std::filesystem::exists(text))
            throw UsageError("\"" + text + "\" is not a range FROM:TO of instructions");
}

}  // namespace

int cut(const std::vector<std::string>& arguments) {
    po::options_description options("options");
    options.add_options()("output,o", po::value<std::string>()->value_name("FILE")->required(),
                          "the trace to make (- for standard output)")(
        "force", "overwrite FILE if it exists")("level", number_value<int>()->default_value(3),
                                                "zstd's compression level, 1 to 19")(
        "json", "the report as a JSON object")("quiet,q", "no progress bar");
    // The range comes before the trace, so it is taken off first.
    std::vector<std::string> rest = arguments;
    std::optional<NumberRange> range;
    if (const auto found = find_range(rest); found != rest.end()) {
        range = parse_range("cut", *found);
        rest.erase(found);
    } else {
        refuse_wrong_range(rest);
    }
    const auto values = parse_options("cut FROM:TO", rest, options);
    if (!values)
        return exit_ok;
    if (!range)
        throw UsageError("a range FROM:TO is missing");
    const auto& path = (*values)["trace"].as<std::string>();
    const auto& output = (*values)["output"].as<std::string>();
    require_other_file(path, output);
    trace::TraceReader reader(path, {.snapshots = true, .tcg = true});
    Progress progress("cut",
                      std::min(range->to, reader.end_instr()) - std::min(range->from, reader.end_instr()),
                      values->count("quiet") != 0);
    trace::CutOptions wanted;
    wanted.if_exists = values->count("force") != 0 ? IfExists::overwrite : IfExists::refuse;
    wanted.compression_level = (*values)["level"].as<int>();
    if (wanted.compression_level < 1 || wanted.compression_level > 19)
        throw UsageError("--level is between 1 and 19");
    wanted.progress = [&progress](uint64_t done) { progress.update(done); };
    const trace::CutResult result = trace::cut(reader, range->from, range->to, output, wanted);
    progress.finish();
    if (values->count("json") != 0)
        write_json_line(std::cerr, {{"first_instr", result.first_instr},
                                    {"end_instr", result.end_instr},
                                    {"blocks_defined", result.blocks_defined},
                                    {"blocks_executed", result.blocks_executed},
                                    {"snapshots", result.snapshots}});
    else
        std::cerr << "instr " << result.first_instr << " to " << result.end_instr << ": "
                  << result.blocks_executed << " block executions, " << result.blocks_defined << " blocks, "
                  << result.snapshots << " snapshots\n";
    return exit_ok;
}

}  // namespace panda::trace_tool
