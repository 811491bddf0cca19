// panda-analyze-ida_taint2: labelled instructions for disassemblers.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {
        .name = "ida_taint2",
        .summary = "instructions that process labelled bytes, for disassemblers",
        .description =
            "Writes the process and the address of each instruction that processes labelled bytes, as CSV.",
        .reports = report_csv};
    return run_taint_program(program, count, arguments);
}
