// panda-analyze-taint: where labelled bytes go.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {
        .name = "taint",
        .summary = "where labelled bytes of files, sockets and memory go",
        .description =
            "Labels bytes of files, sockets, standard input or memory, follows them through the whole "
            "machine, and\n"
            "tells which branches and jumps depend on them, and where they leave. TRACE is a file, or - for "
            "standard\n"
            "input; it must have all columns of memory.",
        .reports = report_labelled | report_branches | report_jumps | report_left};
    return run_taint_program(program, count, arguments);
}
