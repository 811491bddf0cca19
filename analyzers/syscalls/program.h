// What the programs that analyze system calls have in common, beyond the frame of every analyzer.
#pragma once

#include <functional>
#include <iostream>

#include "analyzers/shared/frame.h"
#include "analyzers/syscalls/trace_pass.h"

namespace panda::syscalls {

// The shared options that these programs have. A pass goes over the whole trace, in order, so --from, --to
// and --threads are missing.
inline constexpr analyzers::SharedOptions shared_options = {.range = nullptr, .threads = nullptr};

// Adds --process PID|NAME,...; run.texts("process") has what was given. help: what --help says about it.
void add_process_option(boost::program_options::options_description& options,
                        const char* help = "only these processes");

// Adds --kconf and --kconf-group.
void add_kernel_options(boost::program_options::options_description& options);

// Goes over the trace. set_up is called with the tracker and the guest before the first event.
void run_pass(analyzers::Run& run, const std::function<void(CallTracker&, LinuxGuest&)>& set_up);

// The same, for an analyzer that also looks at what is executed. reader_options: with which the trace is opened, if it is
// not open yet. set_up may be empty.
struct ObservedPass {
    trace::ReaderOptions reader_options = {};
    std::function<void(CallTracker&, LinuxGuest&)> set_up = {};
    TraceObserver* observer = nullptr;
    bool from_start = false;      // see SystemCallPass
    bool without_kernel = false;  // likewise
};
void run_pass(analyzers::Run& run, const ObservedPass& pass);

// The same, with a `report` that collects what it is about and is then written as a table or as JSON. It has
// attach(tracker, guest, describe_fd), write_json(out) and write_table(out); it may have
// describe_sockets(function), for what the kernel says about a socket, by its descriptor.
template <typename Report>
void run_report(analyzers::Run& run, Report&& report) {
    run_pass(run, [&report](CallTracker& tracker, LinuxGuest& guest) {
        if constexpr (requires { report.describe_sockets(nullptr); })
            report.describe_sockets([&guest](int64_t fd) { return guest.socket(fd); });
        report.attach(tracker, guest, [&guest](int64_t fd) { return guest.describe_fd(fd); });
    });
    if (run.json())
        report.write_json(std::cout);
    else
        report.write_table(std::cout);
}

}  // namespace panda::syscalls
