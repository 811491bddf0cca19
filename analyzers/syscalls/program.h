// What the programs that analyze system calls have in common.
#pragma once

#include <functional>

#include "analyzers/shared/arguments.h"
#include "analyzers/syscalls/trace_pass.h"

namespace panda::syscalls {

// --kconf, --kconf-group, --quiet.
void add_kernel_options(boost::program_options::options_description& options);

// Goes over given["trace"]: set_up gets the tracker and the guest before the first event, `write` is called
// at the end. name: of the analyzer. Returns the exit status; throws what goes wrong, a trace cut short too,
// after writing what there is.
int run_program(const char* name, const boost::program_options::variables_map& given,
                const std::function<void(CallTracker&, LinuxGuest&)>& set_up,
                const std::function<void()>& write);

}  // namespace panda::syscalls
