// What every program of this project shares: exit statuses, one-line errors, --help and --version.
#pragma once

#include <functional>
#include <string>

namespace panda {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

// Runs body and turns exceptions into "NAME: message" on standard error and an exit status: 2 for UsageError
// and for errors of Boost.Program_options, 1 for everything else, a standard output that cannot be written to
// among them (SIGPIPE is ignored).
int run_main(const char* name, const std::function<int()>& body);

// "NAME (panda) VERSION" for --version.
std::string version_line(const char* name);

// The directory of the running executable, resolved through /proc/self/exe. An installed or freshly built
// program finds what belongs to it from there.
std::string executable_directory();

// Text from a file, for the terminal: each control character is a question mark, so that it drives nothing.
std::string without_controls(std::string text);

}  // namespace panda
