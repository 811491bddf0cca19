// panda-analyze-dead_data: labelled bytes that decide no branch.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {
        .name = "dead_data",
        .summary = "which labelled bytes decide no branch",
        .description = "Counts the branches that depend on each labelled byte; bytes with none are dead.",
        .reports = report_liveness};
    return run_taint_program(program, count, arguments);
}
