// panda-analyze-tainted_branch: branches that depend on labelled bytes.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {
        .name = "tainted_branch",
        .summary = "which branches depend on labelled bytes",
        .description = "Lists conditional branches and indirect jumps that depend on labelled bytes.",
        .reports = report_branches | report_jumps};
    return run_taint_program(program, count, arguments);
}
