// panda-analyze-memstats: loads, stores and their bytes; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/execution/counts.h"
#include "analyzers/shared/frame.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using execution::MemoryStatistics;

void write(const analyzers::Run& run, const char* mode, const MemoryStatistics::Count& count) {
    if (run.json())
        write_json_line(std::cout, {{"kind", mode},
                                    {"loads", count.loads},
                                    {"stores", count.stores},
                                    {"bytes_read", count.bytes_read},
                                    {"bytes_written", count.bytes_written}});
    else
        std::cout << mode << ": " << count.loads << " loads, " << count.stores << " stores, "
                  << count.bytes_read << " bytes read, " << count.bytes_written << " bytes written\n";
}

void analyze(analyzers::Run& run) {
    const auto found = run.pass([](const trace::PassState& state) { return MemoryStatistics(state); });
    MemoryStatistics::Count all = found.kernel();
    all.loads += found.user().loads;
    all.stores += found.user().stores;
    all.bytes_read += found.user().bytes_read;
    all.bytes_written += found.user().bytes_written;
    write(run, "all", all);
    write(run, "kernel", found.kernel());
    write(run, "user", found.user());
}

constexpr analyzers::Program program = {
    .name = "memstats",
    .summary = "loads and stores, and how many bytes they read and write",
    .description = "Counts the processor's accesses to memory. TRACE is a file, or - for standard input.",
    .needs = [](const analyzers::po::variables_map&) { return "memory"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
