// The part that the programs that analyze system calls have in common.
#pragma once

#include <functional>

#include "analyzers/shared/arguments.h"
#include "analyzers/syscalls/trace_pass.h"

namespace panda::syscalls {

// Adds --kconf, --kconf-group and --quiet.
void add_kernel_options(boost::program_options::options_description& options);

// Goes over given["trace"]. set_up gets the tracker and the guest before the first event, and `write` is
// called at the end. name: the analyzer's. Returns the exit status. Throws what goes wrong; if the trace was
// cut short, `write` has been called before.
int run_program(const char* name, const boost::program_options::variables_map& given,
                const std::function<void(CallTracker&, LinuxGuest&)>& set_up,
                const std::function<void()>& write);

}  // namespace panda::syscalls
