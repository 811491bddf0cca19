// What panda-analyze blocks writes.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <vector>

#include "analyzers/blocks/hot_blocks.h"
#include "analyzers/names/moment_names.h"
#include "osi/symbols/place.h"
#include "trace/coding/block_table.h"

namespace panda::analyze_blocks {

// All blocks at one place. There may be several, because code is translated again when it has changed, or
// under other flags.
struct HotPlace {
    uint64_t pc = 0;
    bool user = false;
    uint32_t size = 0;  // bytes of the longest block there
    uint64_t executions = 0;
    uint64_t instructions = 0;
    Sample sample = {};                   // an execution
    std::optional<osi::Place> name = {};  // nothing: not known
};

struct HotSpace {
    uint64_t asid = 0;
    SpaceCount count;
};

struct Report {
    uint64_t executions = 0;  // that are selected
    uint64_t instructions = 0;
    uint64_t kernel = 0;  // instructions of these
    uint64_t user = 0;
    uint64_t place_count = 0;      // before `top` was applied
    std::vector<HotPlace> places;  // by descending instructions, then by pc
    std::vector<HotSpace> spaces;  // likewise, then by asid
};

// top: how many places at most; 0 = all.
Report make_report(HotBlocks& counts, const trace::BlockTable& blocks, uint64_t top);

// Names the report's places, each at the moment of its sample or of another one in the same address space.
void add_names(Report& report, analyzers::MomentNames& names, trace::TraceReader& reader);

void write_table(std::ostream& out, const Report& report);
// One JSON object per line: one of kind "summary", then those of kind "space" and "block".
void write_json(std::ostream& out, const Report& report);

}  // namespace panda::analyze_blocks
