#include "analyzers/syscalls/program.h"

#include "analyzers/syscalls/open_kernel.h"

namespace panda::syscalls {

namespace po = boost::program_options;

void add_process_option(po::options_description& options, const char* help) {
    options.add_options()("process,p", po::value<std::vector<std::string>>()->value_name("PID|NAME,..."),
                          help);
}

void add_kernel_options(po::options_description& options) {
    options.add_options()(
        "kconf", po::value<std::string>()->value_name("FILE"),
        "kernelinfo.conf for the guest's kernel (default: the installed file, or else the guest's "
        "own memory)")("kconf-group", po::value<std::string>()->value_name("NAME"), "the group in it");
}

void run_pass(analyzers::Run& run, const std::function<void(CallTracker&, LinuxGuest&)>& set_up) {
    run_pass(run, ObservedPass{.set_up = set_up});
}

void run_pass(analyzers::Run& run, const ObservedPass& observed) {
    const auto text_of = [&run](const char* option) {
        return run.has(option) ? run.text(option) : std::string();
    };
    trace::TraceReader& reader = run.reader(observed.reader_options);
    const SystemCallPass pass{
        .open_kernel = kernel_opener(text_of("kconf"), text_of("kconf-group"), reader.path()),
        .set_up =
            [&](CallTracker& tracker, LinuxGuest& guest) {
                if (observed.set_up)
                    observed.set_up(tracker, guest);
            },
        .progress = run.start_progress(trace::pass_length(reader, {})),
        .observer = observed.observer,
        .from_start = observed.from_start,
        .without_kernel = observed.without_kernel};
    const SystemCallPassResult result = run_system_call_pass(reader, pass);
    run.end_progress();
    if (result.counts.lost_returns + result.counts.without_task > 0)
        run.warn("warning: " + std::to_string(result.counts.lost_returns) +
                 " system calls have no return in the trace, and for " +
                 std::to_string(result.counts.without_task) + " it is not known who made them");
    run.set_flaw(result.flaw);
}

}  // namespace panda::syscalls
