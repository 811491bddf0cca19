// What was covered, as lists: blocks, edges, instructions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/coverage/collector.h"
#include "analyzers/coverage/modules.h"

namespace panda::coverage {

// All executions of blocks of one place and size in one space. There may be several definitions of such a block, because
// code is translated again when it has changed, or under other flags.
struct CoveredBlock {
    Space space;
    bool kernel = false;
    uint64_t pc = 0;
    uint32_t size = 0;  // bytes
    uint64_t executions = 0;
    uint64_t first_instr = 0;
    std::optional<BlockPlace> place = {};
};

struct CoveredEdge {
    Space space;
    bool kernel = false;
    uint64_t from_pc = 0;
    uint32_t from_size = 0;
    uint64_t to_pc = 0;
    uint32_t to_size = 0;
    uint64_t executions = 0;
    uint64_t first_instr = 0;
};

struct CoveredInstruction {
    Space space;
    bool kernel = false;
    uint64_t pc = 0;
    uint64_t executions = 0;  // that came to its end
    std::optional<BlockPlace> place = {};
};

// A pass's results, which these functions look at.
struct Findings {
    const Collector& collector;
    const ModuleFinder* modules = nullptr;  // null: not looked for
    std::string only_module = {};  // blocks that are not in it do not count: a path, or the last part of one
};

// In the order in which they first ran.
std::vector<CoveredBlock> covered_blocks(const Findings& findings);
std::vector<CoveredEdge> covered_edges(const Findings& findings);
// By space, privilege and address.
std::vector<CoveredInstruction> covered_instructions(const Findings& findings);

}  // namespace panda::coverage
