// Names of marks on command lines: wherever an option takes an instr, it takes a mark's name.
#pragma once

#include <string>
#include <vector>

namespace panda::trace {

// The arguments with instrs in place of marks' names (see find_mark()): in the values of --from, --to, --at, --before, --next,
// --previous and --instr, and in both parts of that of --range. No other word is touched. The trace is the last argument that is
// a file; it is opened only if one of these values is neither a number nor "end". What names no mark, and everything for a
// pipe or a file that is not a whole trace, stays as it is, for the options' own complaints.
std::vector<std::string> resolve_marks(std::vector<std::string> arguments);
// The same for one word, "FROM:TO", of a trace.
std::string resolve_range(const std::string& text, const std::string& trace);

}  // namespace panda::trace
