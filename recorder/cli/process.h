// A child process that cannot outlive this one, and the signals that ask this process to stop.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/error.h"

namespace panda::launch {

// Owns a file descriptor.
class Descriptor {
  public:
    explicit Descriptor(int value = -1) : value_(value) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    int get() const { return value_; }
    int release();
    void reset();

  private:
    int value_;
};

// The two ends of a stream socket, both closed on exec. Throws Error.
struct SocketPair {
    SocketPair();
    Descriptor ours;  // non-blocking
    Descriptor theirs;
};

// A pipe, with room for 1 MiB if the system allows that. A byte that a guest prints alone takes one byte in a
// pipe, but hundreds in a socket, which is soon full; QEMU's serial port then drops bytes. Throws Error.
struct Pipe {
    Pipe();
    Descriptor ours;  // non-blocking, for reading
    Descriptor theirs;
};

// Thrown when SIGINT, SIGTERM or SIGHUP has arrived.
class Interrupted : public Error {
  public:
    explicit Interrupted(int signal);
    int signal() const { return signal_; }

  private:
    int signal_;
};

// While it lives, SIGINT, SIGTERM and SIGHUP no longer end the process but make the descriptor readable.
class StopSignals {
  public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    int descriptor() const { return descriptor_.get(); }
    // Throws Interrupted when a signal is waiting.
    void check();

  private:
    Descriptor descriptor_;
};

enum class ChildOutput { discard, inherit };

// A child in a process group of its own, which the terminal's ^C does not reach. The kernel kills it when
// this process ends, however it ends. Its standard input is empty, and its standard error is kept for
// last_error_line().
class ChildProcess {
  public:
    // command: file and arguments. inherited: descriptors that the child gets, under the same numbers. Throws
    // Error.
    ChildProcess(const std::vector<std::string>& command, std::span<const int> inherited, ChildOutput output);
    // Kills the child if it still runs.
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    // Readable once the child has ended.
    int descriptor() const { return pidfd_.get(); }
    // The child's exit status, or 128 + N after signal N; nothing while it runs.
    std::optional<int> exit_status();
    // Sends a signal, unless the child has ended.
    void kill(int signal);
    // The last line that the child wrote to standard error, without a leading "NAME: "; empty if there is
    // none.
    std::string last_error_line() const;

  private:
    pid_t pid_ = -1;
    Descriptor pidfd_;
    Descriptor errors_;
    std::optional<int> status_;
};

}  // namespace panda::launch
