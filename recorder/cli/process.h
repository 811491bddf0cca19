// A child process that cannot outlive this one, and the signals that ask this one to stop.
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

// Two ends of a stream socket, both closed on exec. Throws Error.
struct SocketPair {
    SocketPair();
    Descriptor ours;  // non-blocking
    Descriptor theirs;
};

// A pipe with room for 1 MiB where the system allows: what a guest prints byte by byte takes a byte each
// there, where a socket takes hundreds and is soon full; QEMU's serial port drops bytes then.
struct Pipe {
    Pipe();
    Descriptor ours;  // non-blocking, for reading
    Descriptor theirs;
};

// SIGINT, SIGTERM or SIGHUP arrived.
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

// A child in a process group of its own (the terminal's ^C does not reach it), killed with this process
// whatever ends it. Its standard input is empty, its standard error is kept for last_error_line().
class ChildProcess {
  public:
    // command: file and arguments. inherited: descriptors that it gets, under their numbers. Throws Error.
    ChildProcess(const std::vector<std::string>& command, std::span<const int> inherited, ChildOutput output);
    // Kills it if it still runs.
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    // Readable once the child has ended.
    int descriptor() const { return pidfd_.get(); }
    // Exit status, 128 + N after signal N; nothing while it runs.
    std::optional<int> exit_status();
    void kill(int signal);
    // The last line that it wrote to standard error, without a leading "NAME: "; empty if none.
    std::string last_error_line() const;

  private:
    pid_t pid_ = -1;
    Descriptor pidfd_;
    Descriptor errors_;
    std::optional<int> status_;
};

}  // namespace panda::launch
