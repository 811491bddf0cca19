// What one run covered and another did not.
#pragma once

#include <ostream>
#include <vector>

#include "analyzers/coverage/covered.h"

namespace panda::coverage {

// A block by what it has in common in two runs: its process's name and its place in its module, where these are known,
// and otherwise its address. Address spaces and numbers of processes are others in each run.
struct ComparedBlock {
    std::string process;
    bool kernel = false;
    std::string module;
    uint64_t offset = 0;  // in the module; without a module, the address
    uint32_t size = 0;

    auto operator<=>(const ComparedBlock&) const = default;
};

struct Difference {
    std::map<ComparedBlock, uint64_t> first;   // blocks of the first run alone, with their executions
    std::map<ComparedBlock, uint64_t> second;  // of the second
    uint64_t common = 0;                       // blocks
};

struct Run {
    const std::vector<CoveredBlock>& blocks;
    const ModuleFinder* modules;  // null: not looked for
};
Difference difference(const Run& first, const Run& second);

// CSV: run (1 or 2), process name, in kernel, module, offset, block size, executions.
void write_csv(std::ostream& out, const Difference& difference);
// One object a line; first one of kind "summary".
void write_json(std::ostream& out, const Difference& difference);

}  // namespace panda::coverage
