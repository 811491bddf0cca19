// Selects the calls and processes that the command line asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analyzers/syscalls/call.h"

namespace panda::syscalls {

// strace's -e: [trace=][!]WHAT,… where WHAT is a call's name, a group with or without %, all, none, /REGEX,
// or ?WHAT for a call that need not exist.
class CallSelection {
  public:
    CallSelection() = default;  // all
    // Throws a UsageError that names what it does not know.
    explicit CallSelection(const std::string& expression);

    bool selects(const Call& call) const;

  private:
    void add(const std::string& what);

    bool all_ = true;
    bool inverted_ = false;
    uint32_t groups_ = 0;
    std::set<std::string, std::less<>> names_;
};

// strace's -e signal=[!]SIGNAL,…: names with or without SIG, numbers, all, none.
class SignalSelection {
  public:
    SignalSelection() = default;  // all
    // expression: without the "signal=". Throws a UsageError that names what it does not know.
    explicit SignalSelection(const std::string& expression);

    bool selects(uint32_t signal) const;

  private:
    bool inverted_ = true;
    std::set<uint32_t> signals_;
};

// -p PID|NAME, once or more: selects these processes, by number or by the name of a task. With follow, it
// also selects their children, once add_child() has told about them.
class ProcessSelection {
  public:
    ProcessSelection(const std::vector<std::string>& wanted, bool follow);

    // Whether it selects a task. A process that was selected by its name stays selected when the name
    // changes.
    bool selects(const Task& task);
    // `parent`, the number of a process, has made a process or a thread, `child`.
    void add_child(int64_t parent, int64_t child);

  private:
    bool all_;
    bool follow_;
    std::set<int64_t> pids_;
    std::set<std::string, std::less<>> names_;
};

}  // namespace panda::syscalls
