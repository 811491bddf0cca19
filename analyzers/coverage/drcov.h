// Coverage as a drcov file, which Lighthouse and other tools open.
#pragma once

#include <ostream>
#include <vector>

#include "analyzers/coverage/covered.h"

namespace panda::coverage {

// Writes version 2 of the format: a text header, a table of modules, and eight bytes for each block: its start, counted
// from its module's base (32 bits), its size, and the number of its module (16 bits each), little-endian. Blocks that
// are in no file go to modules that are made up, one for each 2 GiB of addresses. modules: null when none were looked
// for. Throws Error when there are more modules than the format can number.
void write_drcov(std::ostream& out, const std::vector<CoveredBlock>& blocks, const ModuleFinder* modules);

}  // namespace panda::coverage
