// The host's end of the guest agent's protocol (tools/guest/README.md).
#pragma once

#include <string>
#include <vector>

#include "recorder/cli/vm.h"

namespace panda::record {

// Waits until the guest has booted as far as its agent. Throws Error, with the guest's last words, when it
// has not after five minutes.
void wait_for_agent(Vm& vm);

// Sets the guest's clock and hands over `command`, so that run_command() only has to say go.
void prepare_command(Vm& vm, const std::vector<std::string>& command);

// Runs it; returns its exit status once all of its output has been handed over.
int run_command(Vm& vm);

// A line of shell that runs the command with its arguments as they are.
std::string shell_script(const std::vector<std::string>& command);

}  // namespace panda::record
