// Aligns two traces: where they execute the same blocks, and where not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/numbers.h"
#include "trace/reading/reader.h"

namespace panda::trace {

// An execution, as two runs can have it in common: definitions are numbered in each trace by itself.
struct AlignedBlock {
    uint64_t instr = 0;
    uint64_t pc = 0;
    uint32_t executed = 0;  // instructions
    bool user = false;      // privilege level 3

    bool same_as(const AlignedBlock& other) const {
        return pc == other.pc && executed == other.executed && user == other.user;
    }
};

// A place at which the traces go apart, and where they meet again.
struct TraceDifference {
    std::vector<AlignedBlock> before;  // the last executions that they have in common, oldest first
    // What each of them alone has there. Without `meets` these are the first executions of what is left.
    std::vector<AlignedBlock> first;
    std::vector<AlignedBlock> second;
    bool meets = false;
    uint64_t common = 0;  // executions in common since the difference before
};

struct AlignOptions {
    unsigned run = 8;           // this many executions alike, one after another, are a place where they meet
    unsigned window = 1 << 16;  // how many executions are looked through for it
    unsigned context = 4;       // of TraceDifference::before
    bool user_only = false;     // leave out what the kernel executes
    NumberRange first_range = {};  // instr
    NumberRange second_range = {};
};

struct Alignment {
    uint64_t common = 0;  // executions
    uint64_t common_instructions = 0;
    uint64_t differences = 0;
    bool complete = true;  // false: they did not meet again, and the rest was not compared
};

// Goes through both, in order, and calls `tell` for each difference, until it returns false. The readers must be at the
// beginning. Memory: 32 bytes for each execution of both windows. Throws FileError when one of them is damaged or cut
// short.
Alignment align(TraceReader& first, TraceReader& second, const AlignOptions& options,
                const std::function<bool(const TraceDifference&)>& tell);

}  // namespace panda::trace
