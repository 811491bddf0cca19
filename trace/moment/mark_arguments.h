// Names of marks on command lines: wherever an option takes an instr, it takes a mark's name.
#pragma once

#include <string>
#include <vector>

namespace panda::trace {

// The arguments with instrs in place of marks' names (see find_mark()): in the values of --from, --to, --at, --before, --next
// and --previous, and in both parts of --range and of words like "FROM:TO". The trace is the last argument; it is opened
// only if one of these values is neither a number nor "end". What names no mark, and everything for a pipe or a file that is
// not a whole trace, stays as it is, for the options' own complaints.
std::vector<std::string> resolve_marks(std::vector<std::string> arguments);

}  // namespace panda::trace
