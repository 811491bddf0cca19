// panda-analyze-pc_search: when instructions at given addresses were executed; PANDA's plugin of that name.
#include <fstream>
#include <iostream>

#include "analyzers/execution/pc_search.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::execution;
namespace po = boost::program_options;

constexpr size_t max_addresses = 1 << 16;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("pc", po::value<std::vector<std::string>>()->composing()->value_name("PC"),
        "this address; repeatable");
    add("pc-file", po::value<std::string>()->value_name("FILE"), "the addresses in this file, one a line");
    add("pc-range", po::value<std::string>()->value_name("START-END"), "all addresses in this range");
    add("first-last-only", "only the first and the last time of each address");
    add("out-file", po::value<std::string>()->value_name("FILE"), "write there and not to standard output");
}

void read_addresses(const std::string& path, PcSearchOptions& options) {
    std::ifstream file(path);
    if (!file)
        throw FileError(path, "cannot be read");
    for (std::string line; std::getline(file, line);) {
        line.erase(0, line.find_first_not_of(" \t"));
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (line.empty())
            continue;
        const auto pc = read_number(line);
        if (!pc)
            throw FileError(path, "\"" + line.substr(0, 40) + "\" is not an address");
        if (options.ranges.size() >= max_addresses)
            throw FileError(path, "has more than " + std::to_string(max_addresses) + " addresses");
        options.ranges.push_back({*pc, *pc + 1});
    }
}

PcSearchOptions search_options(const analyzers::Run& run) {
    PcSearchOptions options;
    for (const std::string& text : run.texts("pc")) {
        const auto pc = parse_number("--pc", text);
        options.ranges.push_back({pc, pc + 1});
    }
    if (run.has("pc-file"))
        read_addresses(run.text("pc-file"), options);
    if (run.has("pc-range"))
        options.ranges.push_back(coverage::parse_pc_range("--pc-range", run.text("pc-range")));
    if (options.ranges.empty())
        throw UsageError("no address is given: --pc, --pc-file or --pc-range");
    options.first_last_only = run.has("first-last-only");
    return options;
}

void analyze(analyzers::Run& run) {
    const PcSearchOptions wanted = search_options(run);
    const PcSearch found = run.pass([&](const trace::PassState& state) { return PcSearch(state, wanted); });
    std::ofstream file;
    if (run.has("out-file")) {
        require_other_file(run.reader().path(), run.text("out-file"));
        file.open(run.text("out-file"));
        if (!file)
            throw FileError(run.text("out-file"), "cannot be created");
    }
    std::ostream& out = run.has("out-file") ? file : std::cout;
    for (const PcHit& hit : found.hits()) {
        if (run.json())
            write_json_line(
                out, {{"kind", "pc"}, {"instr", hit.instr}, {"pc", hex(hit.pc)}, {"asid", hex(hit.asid)}});
        else
            out << "instr " << hit.instr << "  pc " << hex(hit.pc) << "  asid " << hex(hit.asid) << '\n';
        if (auto* log = run.pandalog())
            log->write_fact(hit.instr, hit.pc, "pc_search", {{"asid", hit.asid}});
    }
    if (!out.flush())
        throw FileError(run.has("out-file") ? run.text("out-file") : "standard output", "cannot be written");
}

constexpr analyzers::Program program = {
    .name = "pc_search",
    .summary = "when instructions at given addresses were executed",
    .description =
        "Lists the instruction counts at which these addresses were executed. TRACE is a file, or - for\n"
        "standard input.",
    .shared = {.pandalog = "each time as a fact"},
    .add_options = add_options,
    .needs = [](const po::variables_map&) { return "blocks"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
