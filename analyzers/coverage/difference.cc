#include "analyzers/coverage/difference.h"

#include <algorithm>

#include "common/hex.h"
#include "common/json_value.h"

namespace panda::coverage {
namespace {

std::map<ComparedBlock, uint64_t> compared(const Run& run) {
    std::map<ComparedBlock, uint64_t> blocks;
    for (const CoveredBlock& block : run.blocks) {
        // The kernel's code is the same for everybody.
        ComparedBlock key{
            block.kernel ? std::string() : block.space.name, block.kernel, {}, block.pc, block.size};
        if (block.place && run.modules != nullptr) {
            key.module = run.modules->modules()[block.place->module].path;
            key.offset = block.place->in_module;
        }
        blocks[std::move(key)] += block.executions;
    }
    return blocks;
}

std::map<ComparedBlock, uint64_t> without(const std::map<ComparedBlock, uint64_t>& blocks,
                                          const std::map<ComparedBlock, uint64_t>& others) {
    std::map<ComparedBlock, uint64_t> rest;
    for (const auto& [block, executions] : blocks)
        if (!others.contains(block))
            rest.emplace(block, executions);
    return rest;
}

std::string csv_text(std::string text) {
    for (char& c : text)
        if (c == ',' || c == '"' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '_';
    return text;
}

template <typename Use>
void for_each(const Difference& difference, const Use& use) {
    for (const auto& [block, executions] : difference.first)
        use(1, block, executions);
    for (const auto& [block, executions] : difference.second)
        use(2, block, executions);
}

}  // namespace

Difference difference(const Run& first, const Run& second) {
    const auto a = compared(first);
    const auto b = compared(second);
    Difference result{without(a, b), without(b, a), 0};
    result.common = a.size() - result.first.size();
    return result;
}

void write_csv(std::ostream& out, const Difference& difference) {
    out << "run,process name,in kernel,module,offset,block size,executions\n";
    for_each(difference, [&](int run, const ComparedBlock& block, uint64_t executions) {
        out << run << ',' << csv_text(block.process) << ',' << (block.kernel ? 1 : 0) << ','
            << csv_text(block.module) << ',' << hex(block.offset) << ',' << block.size << ',' << executions
            << '\n';
    });
}

void write_json(std::ostream& out, const Difference& difference) {
    write_json_line(out, {{"kind", "summary"},
                          {"first", difference.first.size()},
                          {"second", difference.second.size()},
                          {"common", difference.common}});
    for_each(difference, [&](int run, const ComparedBlock& block, uint64_t executions) {
        Json line = {{"kind", "block"}, {"run", run}, {"kernel", block.kernel}};
        if (!block.process.empty())
            line["process"] = block.process;
        if (!block.module.empty())
            line["module"] = block.module;
        line["offset"] = hex(block.offset);
        line["size"] = block.size;
        line["executions"] = executions;
        write_json_line(out, line);
    });
}

}  // namespace panda::coverage
