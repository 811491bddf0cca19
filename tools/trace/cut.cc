// panda-trace cut: makes a trace of a part of another one.
#include "trace/edit/cut.h"

#include <charconv>
#include <iostream>

#include "common/progress.h"
#include "tools/trace/commands.h"
#include "tools/trace/json.h"
#include "tools/trace/options.h"

namespace panda::trace_tool {
namespace {

struct Range {
    uint64_t from = 0;
    uint64_t to = ~uint64_t{0};
};

uint64_t parse_instr(const std::string& text, uint64_t otherwise) {
    if (text.empty())
        return otherwise;
    uint64_t instr = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), instr);
    if (error != std::errc() || end != text.data() + text.size())
        throw UsageError("\"" + text + "\" is not a number of instructions");
    return instr;
}

Range parse_range(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos)
        throw UsageError("a range is FROM:TO, not \"" + text + "\"");
    const Range range{parse_instr(text.substr(0, colon), 0),
                      parse_instr(text.substr(colon + 1), ~uint64_t{0})};
    if (range.from >= range.to)
        throw UsageError("the range " + text + " is empty");
    return range;
}

}  // namespace

int cut(const std::vector<std::string>& arguments) {
    po::options_description options("options");
    options.add_options()("output,o", po::value<std::string>()->value_name("FILE")->required(),
                          "the trace to make (- for standard output)")(
        "force", "overwrite FILE if it exists")("level", po::value<int>()->default_value(3),
                                                "zstd's compression level")(
        "json", "the report as a JSON object")("quiet,q", "no progress bar");
    // The range comes before the trace, so it is taken off first.
    std::vector<std::string> rest = arguments;
    std::optional<Range> range;
    for (auto it = rest.begin(); it != rest.end() && !range; ++it)
        if (it->find(':') != std::string::npos && (*it)[0] != '-' &&
            it->find_first_not_of("0123456789:") == std::string::npos) {
            range = parse_range(*it);
            rest.erase(it);
            break;
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
    wanted.progress = [&progress](uint64_t done) { progress.update(done); };
    const trace::CutResult result = trace::cut(reader, range->from, range->to, output, wanted);
    progress.finish();
    if (values->count("json") != 0)
        std::cerr << json_line({{"first_instr", result.first_instr},
                                {"end_instr", result.end_instr},
                                {"blocks_defined", result.blocks_defined},
                                {"blocks_executed", result.blocks_executed},
                                {"snapshots", result.snapshots}})
                  << '\n';
    else
        std::cerr << "instr " << result.first_instr << " to " << result.end_instr << ": "
                  << result.blocks_executed << " block executions, " << result.blocks_defined << " blocks, "
                  << result.snapshots << " snapshots\n";
    return exit_ok;
}

}  // namespace panda::trace_tool
