// What the programs that analyze system calls have in common, beyond the frame of every analyzer.
#pragma once

#include <functional>
#include <iostream>

#include "analyzers/shared/frame.h"
#include "analyzers/syscalls/trace_pass.h"

namespace panda::syscalls {

// What these programs have of the options that analyzers share: a pass is in order, and over the whole trace.
inline constexpr analyzers::SharedOptions shared_options = {.range = nullptr, .threads = nullptr};

// --process PID|NAME,...; what it says is run.texts("process"). help: what --help says of it.
void add_process_option(boost::program_options::options_description& options,
                        const char* help = "only these processes");

// --kconf, --kconf-group.
void add_kernel_options(boost::program_options::options_description& options);

// Goes over the trace: set_up gets the tracker and the guest before the first event.
void run_pass(analyzers::Run& run, const std::function<void(CallTracker&, LinuxGuest&)>& set_up);

// The same for what `report` collects and writes as a table, or as JSON: it has attach(tracker, guest,
// describe_fd), write_json(out) and write_table(out).
template <typename Report>
void run_report(analyzers::Run& run, Report&& report) {
    run_pass(run, [&report](CallTracker& tracker, LinuxGuest& guest) {
        report.attach(tracker, guest, [&guest](int64_t fd) { return guest.describe_fd(fd); });
    });
    if (run.json())
        report.write_json(std::cout);
    else
        report.write_table(std::cout);
}

}  // namespace panda::syscalls
