// panda-analyze-tstringsearch: a text, wherever it appears.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {.name = "tstringsearch",
                                      .summary = "which instructions process a text",
                                      .description =
                                          "Labels a text wherever it is read or written, and lists the "
                                          "branches and instructions that depend on it.",
                                      .reports = report_labelled | report_branches | report_instructions,
                                      .words_string = true};
    return run_taint_program(program, count, arguments);
}
