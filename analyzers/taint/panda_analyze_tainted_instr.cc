// panda-analyze-tainted_instr: instructions that process labelled bytes.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {.name = "tainted_instr",
                                      .summary = "which instructions process labelled bytes",
                                      .description = "Lists the instructions that read labelled bytes.",
                                      .reports = report_instructions};
    return run_taint_program(program, count, arguments);
}
