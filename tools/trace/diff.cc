// panda-trace diff: where two traces execute something else.
#include <iostream>

#include "common/hex.h"
#include "common/json_value.h"
#include "tools/trace/commands.h"
#include "tools/trace/options.h"
#include "trace/edit/align.h"
#include "trace/moment/moment.h"

namespace panda::trace_tool {
namespace {

using trace::AlignedBlock;
using trace::TraceDifference;

constexpr const char* general_names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

uint64_t instructions_of(const std::vector<AlignedBlock>& blocks) {
    uint64_t sum = 0;
    for (const AlignedBlock& block : blocks)
        sum += block.executed;
    return sum;
}

void print_block(const char* mark, const AlignedBlock& block) {
    std::cout << mark << " instr " << block.instr << "  pc " << hex(block.pc) << "  " << block.executed
              << " instructions" << (block.user ? "  user" : "") << '\n';
}

// The next block of each run, or the words for its end.
void print_side(const char* name, const std::vector<AlignedBlock>& blocks, bool meets, uint64_t shown) {
    if (meets)
        std::cout << "  " << name << " alone: " << blocks.size() << " executions, " << instructions_of(blocks)
                  << " instructions\n";
    else
        std::cout << "  " << name << " goes on with:" << (blocks.empty() ? " nothing, it ends here" : "")
                  << '\n';
    for (size_t i = 0; i < blocks.size() && i < shown; ++i)
        print_block("   ", blocks[i]);
}

void print_text(const TraceDifference& difference, uint64_t number, uint64_t shown) {
    std::cout << "difference " << number << ", after " << difference.common << " executions alike\n";
    for (const AlignedBlock& block : difference.before)
        print_block("  both", block);
    print_side("first", difference.first, difference.meets, shown);
    print_side("second", difference.second, difference.meets, shown);
    if (!difference.meets)
        std::cout << "  they do not meet again\n";
}

Json blocks_json(const std::vector<AlignedBlock>& blocks, uint64_t shown) {
    Json list = Json::array();
    for (size_t i = 0; i < blocks.size() && i < shown; ++i)
        list.push_back({{"instr", blocks[i].instr},
                        {"pc", hex(blocks[i].pc)},
                        {"executed", blocks[i].executed},
                        {"user", blocks[i].user}});
    return list;
}

void print_json(const TraceDifference& difference, uint64_t shown) {
    write_json_line(std::cout, {{"kind", "difference"},
                                {"common", difference.common},
                                {"meets", difference.meets},
                                {"before", blocks_json(difference.before, shown)},
                                {"first_executions", difference.first.size()},
                                {"second_executions", difference.second.size()},
                                {"first", blocks_json(difference.first, shown)},
                                {"second", blocks_json(difference.second, shown)}});
}

// The registers that both traces know where they go apart: those at the start of the block that only one of them runs.
void print_state(const std::string& first_path, const std::string& second_path, const TraceDifference& at) {
    if (at.first.empty() || at.second.empty())
        return;
    trace::TraceReader first(first_path);
    trace::TraceReader second(second_path);
    if (!first.seekable() || !second.seekable())
        return;
    try {
        const trace::Moment a(first, at.first.front().instr);
        const trace::Moment b(second, at.second.front().instr);
        const auto print = [](const std::string& name, uint64_t one, uint64_t other) {
            if (one != other)
                std::cout << "  " << name << ": " << hex(one) << " in the first, " << hex(other)
                          << " in the second\n";
        };
        print("rip", a.cpu().rip, b.cpu().rip);
        print("cr3", a.cpu().cr3, b.cpu().cr3);
        print("cr2", a.cpu().cr2, b.cpu().cr2);
        for (size_t i = 0; i < std::size(general_names); ++i)
            print(general_names[i], a.cpu().general[i], b.cpu().general[i]);
    } catch (const FileError&) {
        // A trace without the values of stores knows no state there.
    }
}

po::options_description diff_options() {
    po::options_description options("options");
    auto add = options.add_options();
    add("user", "compare only what programs execute");
    add("run", number_value<unsigned>()->default_value(8),
        "executions alike that are a place where they meet");
    add("window", number_value<unsigned>()->default_value(1 << 16),
        "executions to look through for such a place");
    add("context", number_value<unsigned>()->default_value(4),
        "executions to print before and in a difference");
    add("list", number_value()->default_value(10), "differences to print; 0 = all");
    add("from", number_value(), "first instr of the first trace");
    add("second-from", number_value(), "first instr of the second trace");
    add("json", "one JSON object per line");
    options.add_options()("help,h", "print this and exit");
    return options;
}

std::optional<po::variables_map> parse(const std::vector<std::string>& arguments) {
    const po::options_description options = diff_options();
    po::options_description all;
    all.add(options).add_options()("traces", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("traces", -1);
    po::variables_map values;
    po::store(po::command_line_parser(arguments).options(all).positional(positional).run(), values);
    if (values.count("help") != 0) {
        std::cout << "Usage: panda-trace diff [OPTIONS] FIRST SECOND\n\n" << options;
        return std::nullopt;
    }
    po::notify(values);
    if (values.count("traces") == 0 || values["traces"].as<std::vector<std::string>>().size() != 2)
        throw UsageError("diff takes two traces");
    return values;
}

}  // namespace

int diff(const std::vector<std::string>& arguments) {
    const auto values = parse(arguments);
    if (!values)
        return exit_ok;
    const auto& paths = (*values)["traces"].as<std::vector<std::string>>();
    trace::AlignOptions options;
    options.run = (*values)["run"].as<unsigned>();
    options.window = (*values)["window"].as<unsigned>();
    options.context = (*values)["context"].as<unsigned>();
    options.user_only = values->count("user") != 0;
    constexpr unsigned most = 1 << 24;
    if (options.run == 0 || options.run > options.window || options.window > most || options.context > most)
        throw UsageError("--run takes a number from 1 to that of --window, which is at most 16777216");
    if (values->count("from") != 0)
        options.first_range.from = (*values)["from"].as<uint64_t>();
    if (values->count("second-from") != 0)
        options.second_range.from = (*values)["second-from"].as<uint64_t>();
    const uint64_t list = (*values)["list"].as<uint64_t>();
    const bool json = values->count("json") != 0;
    trace::TraceReader first(paths[0], {.snapshots = false});
    trace::TraceReader second(paths[1], {.snapshots = false});
    uint64_t number = 0;
    const trace::Alignment result =
        trace::align(first, second, options, [&](const TraceDifference& difference) {
            ++number;
            if (json) {
                print_json(difference, options.context);
            } else {
                print_text(difference, number, options.context);
                if (number == 1)
                    print_state(paths[0], paths[1], difference);
            }
            return list == 0 || number < list;
        });
    const bool all = result.complete && (list == 0 || result.differences < list);
    if (json)
        write_json_line(std::cout, {{"kind", "summary"},
                                    {"common", result.common},
                                    {"common_instructions", result.common_instructions},
                                    {"differences", result.differences},
                                    {"complete", all}});
    else
        std::cout << result.common << " executions alike, " << result.common_instructions << " instructions; "
                  << result.differences << " differences" << (all ? "" : ", and the rest was not compared")
                  << '\n';
    return result.differences == 0 ? exit_ok : exit_failed;
}

}  // namespace panda::trace_tool
