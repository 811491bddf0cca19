// panda-analyze-net: connections and bytes, from the socket calls.
#include <iostream>

#include "analyzers/net/connections.h"
#include "analyzers/syscalls/program.h"

namespace {

using namespace panda;

void add_options(analyzers::po::options_description& options) {
    syscalls::add_process_option(options);
    syscalls::add_kernel_options(options);
}

void analyze(analyzers::Run& run) {
    syscalls::run_report(run, analyze_net::Connections(run.texts("process")));
}

constexpr analyzers::Program program = {
    .name = "net",
    .summary = "which process talked to whom, and how many bytes",
    .description =
        "Lists the sockets of the guest: which process talked to whom, and how many bytes went through "
        "calls. TRACE\n"
        "is a file, or - for standard input; it must have all columns of memory.",
    .shared = syscalls::shared_options,
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
