// What panda-analyze blocks says.
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

#include "analyzers/blocks/hot_blocks.h"
#include "trace/coding/block_table.h"

namespace panda::analyze_blocks {

// All blocks of one place: code is translated again after it changed, or under other flags.
struct HotPlace {
    uint64_t pc = 0;
    bool user = false;
    uint32_t size = 0;  // bytes, of the longest block there
    uint64_t executions = 0;
    uint64_t instructions = 0;
};

struct HotSpace {
    uint64_t asid = 0;
    SpaceCount count;
};

struct Report {
    uint64_t executions = 0;  // of the selection
    uint64_t instructions = 0;
    uint64_t kernel = 0;  // instructions of these
    uint64_t user = 0;
    uint64_t place_count = 0;      // before the limit
    std::vector<HotPlace> places;  // by falling instructions, then by pc
    std::vector<HotSpace> spaces;  // likewise, then by asid
};

// top: how many places at most; 0 = all.
Report make_report(HotBlocks& counts, const trace::BlockTable& blocks, uint64_t top);

void write_table(std::ostream& out, const Report& report);
// A JSON object a line: one of kind "summary", then "space" and "block".
void write_json(std::ostream& out, const Report& report);

}  // namespace panda::analyze_blocks
