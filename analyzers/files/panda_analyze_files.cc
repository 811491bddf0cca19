// panda-analyze-files: who opened, read and wrote which file.
#include <iostream>

#include "analyzers/files/file_usage.h"
#include "analyzers/syscalls/program.h"

namespace {

using namespace panda;

void add_options(analyzers::po::options_description& options) {
    syscalls::add_process_option(options);
    options.add_options()("all", "also list pipes, sockets and the like");
    syscalls::add_kernel_options(options);
}

void analyze(analyzers::Run& run) {
    syscalls::run_report(run, analyze_files::FileUsage({run.has("all"), run.texts("process")}));
}

constexpr analyzers::Program program = {
    .name = "files",
    .summary = "which process opened, read and wrote which file",
    .description =
        "Lists the files that each process opened, read, wrote, mapped or executed, and how many bytes. "
        "TRACE is a\n"
        "file, or - for standard input; it must have all columns of memory.",
    .shared = syscalls::shared_options,
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
