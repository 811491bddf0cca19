// What the programs of this folder share: their options, the pass, and what they write. Each is a choice of sources that
// must be named and of reports that are written.
#pragma once

#include "analyzers/shared/frame.h"

namespace panda::taint {

// Which reports a program writes, whatever its options; bits.
enum Reports : unsigned {
    report_labelled = 1,
    report_branches = 2,
    report_jumps = 4,
    report_pointers = 8,
    report_instructions = 16,
    report_left = 32,
    report_liveness = 64,
    report_depths = 128,
    report_csv = 256,  // ida_taint2's file
};

struct TaintProgram {
    const char* name;
    const char* summary;
    const char* description;
    unsigned reports = 0;
    bool words_file = false;    // one argument before the trace: a file, as --file
    bool words_string = false;  // likewise a text, as --string
};

// The program's main.
int run_taint_program(const TaintProgram& program, int count, char** arguments);

}  // namespace panda::taint
