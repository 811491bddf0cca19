// panda-analyze-taint_compute_numbers: how deep computations with labelled bytes are.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {
        .name = "taint_compute_numbers",
        .summary = "how deep computations with labelled bytes are",
        .description =
            "Tells how many computations lie between labelled bytes and what instructions make of them.",
        .reports = report_depths};
    return run_taint_program(program, count, arguments);
}
