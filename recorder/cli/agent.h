// The host's end of the guest agent's protocol (tools/guest/README.md).
#pragma once

#include <string>
#include <vector>

#include "recorder/cli/vm.h"

namespace panda::record {

// Waits until the guest has booted and its agent is ready. Throws Error, with the last line that the guest
// printed, after five minutes.
void wait_for_agent(Vm& vm);

// Sets the guest's clock and hands over `command`, so that run_command() only has to start it. Throws Error
// when the agent does not answer as it should.
void prepare_command(Vm& vm, const std::vector<std::string>& command);

// Runs the command. Returns its exit status once all of its output has been handed over. Throws Error when
// the guest or QEMU ends before.
int run_command(Vm& vm);

// A shell script that runs the command with its arguments as they are.
std::string shell_script(const std::vector<std::string>& command);

}  // namespace panda::record
