#include "analyzers/lift/block_selection.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "analyzers/names/moment_names.h"
#include "common/command_line.h"
#include "common/error.h"

namespace panda::lift {
namespace {

using analyzers::Run;
namespace po = boost::program_options;

// A block in an address space, and when it is executed first.
using FirstExecutions = std::map<std::pair<uint32_t, uint64_t>, uint64_t>;

// The blocks that an analysis of executions finds.
struct Executed : trace::IgnoresEvents {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;
    Executed(const trace::PassState& pass, std::optional<uint64_t> address_space)
        : state(&pass), wanted(address_space) {}
    void on_block(const trace::BlockExecution& block) {
        if (!wanted || *wanted == state->asid())
            first.emplace(std::pair(block.id, state->asid()), block.instr);
    }
    void append(Executed&& next) { first.merge(next.first); }

    const trace::PassState* state;
    std::optional<uint64_t> wanted;
    FirstExecutions first;
};

FirstExecutions executed_blocks(Run& run) {
    std::optional<uint64_t> address_space;
    if (run.has("asid"))
        address_space = run.number("asid");
    trace::PassOptions options = run.pass_options();
    if (run.has("range")) {
        const NumberRange range = parse_range("--range", run.text("range"));
        options.range = {range.from, range.to};
    }
    auto result = trace::run_pass(
        run.reader(), options, [&](const trace::PassState& state) { return Executed(state, address_space); });
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
    return std::move(result.analyzer.first);
}

// Of executed blocks, those that are a part of the function of this name, at their first execution in some address space.
std::set<uint32_t> blocks_of(Run& run, const FirstExecutions& executed, const std::string& function) {
    trace::TraceReader& reader = run.reader();
    analyzers::MomentNames names(reader, analyzers::name_options(run.given()));
    if (!names.available())
        throw FileError(reader.path(), "holds no kernel that is known, so that there are no names");
    // Names are asked for in the order of time. An address of one address space has one name.
    std::vector<std::pair<analyzers::NamedAddress, uint32_t>> wanted;
    for (const auto& [block, instr] : executed)
        wanted.push_back({{instr, block.second, reader.blocks().pc(block.first)}, block.first});
    std::ranges::stable_sort(wanted, {}, [](const auto& entry) { return entry.first.instr; });
    std::map<std::pair<uint64_t, uint64_t>, bool> known;
    std::set<uint32_t> ids;
    for (const auto& [address, id] : wanted) {
        const auto [at, is_new] = known.try_emplace({address.asid, address.address});
        if (is_new) {
            const auto place = names.find(address);
            at->second = place && place->function == function;
        }
        if (at->second)
            ids.insert(id);
    }
    return ids;
}

}  // namespace

void add_selection_options(po::options_description& options) {
    auto add = options.add_options();
    add("block", number_value<uint32_t>(), "only the block with this number");
    add("pc", number_value(), "only blocks whose first instruction is at this address");
    add("range", po::value<std::string>()->value_name("FROM:TO"),
        "only blocks that are executed from instruction FROM to before TO");
    add("asid", number_value(), "only blocks that are executed in this address space (CR3)");
    add("symbol", po::value<std::string>()->value_name("NAME"),
        "only blocks of this function, of the kernel or of a program");
    analyzers::add_name_options(options, false);
}

std::vector<uint32_t> selected_blocks(Run& run) {
    trace::TraceReader& reader = run.reader();
    std::optional<std::set<uint32_t>> wanted;
    if (run.has("range") || run.has("asid") || run.has("symbol")) {
        const FirstExecutions executed = executed_blocks(run);
        wanted.emplace();
        for (const auto& [block, instr] : executed)
            wanted->insert(block.first);
        if (run.has("symbol"))
            wanted = blocks_of(run, executed, run.text("symbol"));
    }
    reader.load_blocks();
    std::vector<uint32_t> ids;
    for (uint32_t id = 0; id < reader.blocks().size(); ++id) {
        if (run.has("block") && run.given()["block"].as<uint32_t>() != id)
            continue;
        if (run.has("pc") && run.number("pc") != reader.blocks().pc(id))
            continue;
        if (!wanted || wanted->contains(id))
            ids.push_back(id);
    }
    if (ids.empty())
        throw FileError(reader.path(), "has no such block");
    return ids;
}

}  // namespace panda::lift
