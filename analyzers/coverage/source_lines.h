// Coverage of source code: how often each line ran, by the lines that DWARF has.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "analyzers/coverage/covered.h"

namespace panda::coverage {

struct FunctionCoverage {
    std::string name;
    uint64_t executions = 0;  // of its first instruction
};

struct SourceFile {
    // How often, by line; lines that have code but did not run have 0.
    std::map<unsigned, uint64_t> lines;
    std::multimap<unsigned, FunctionCoverage> functions;  // by the line that they begin at
};

// By the file's path, as the compiler wrote it.
using SourceCoverage = std::map<std::string, SourceFile>;

// A line ran as often as the one of its instructions that ran most often: the condition of a loop that is all in one
// line counts, its beginning does not. When a line has code in several functions (inlined code, templates), these add
// up, and so do threads, processes and modules. It has the lines of every file that an instruction is in.
SourceCoverage source_coverage(const std::vector<CoveredInstruction>& instructions,
                               const ModuleFinder& modules);

// The tracefile of lcov (geninfo(1)), which genhtml and others read.
void write_lcov(std::ostream& out, const SourceCoverage& files);

// The sources with the counts before each line, as gcov writes them: "-" for lines without code, "#####" for those that
// did not run. A file that cannot be read has only the lines that have code. directories: where to look, too.
void write_listing(std::ostream& out, const SourceCoverage& files,
                   const std::vector<std::string>& directories);

}  // namespace panda::coverage
