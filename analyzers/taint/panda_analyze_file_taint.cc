// panda-analyze-file_taint: what is read of a file.
#include "analyzers/taint/taint_program.h"

int main(int count, char** arguments) {
    using namespace panda::taint;
    constexpr TaintProgram program = {.name = "file_taint",
                                      .summary = "which instructions process what is read of a file",
                                      .description =
                                          "Labels what is read of files whose path ends in PATH, and lists "
                                          "the instructions that process it.",
                                      .reports = report_labelled | report_instructions,
                                      .words_file = true};
    return run_taint_program(program, count, arguments);
}
