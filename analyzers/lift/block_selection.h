// Which blocks of a trace the command line asks for. Internal to panda-analyze-lift.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzers/shared/frame.h"

namespace panda::lift {

// Adds --block, --pc, --range, --asid, --symbol, and the options that say where names come from.
void add_selection_options(boost::program_options::options_description& options);
// The blocks with which these options agree, ascending. Loads all definitions; goes over the trace for --range, --asid and
// --symbol. Throws Error when there is no such block, or no names are known.
std::vector<uint32_t> selected_blocks(analyzers::Run& run);

}  // namespace panda::lift
