// Between the tracker's callbacks and what is written: decodes the calls that are selected, and hands them to
// sinks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "analyzers/syscalls/call_text.h"
#include "analyzers/syscalls/selection.h"
#include "analyzers/syscalls/tracker.h"

namespace panda::syscalls {

// Tells the guest's time in ns since 1970; nothing if it is not known.
using TimeOf = std::function<std::optional<int64_t>(uint64_t instr)>;

// Gets the selected calls in the order of time.
class CallSink {
  public:
    virtual ~CallSink() = default;

    // From now on, this tells the time at the moment of each of the following callbacks.
    virtual void set_clock(const TimeOf& time_of) { (void)time_of; }
    // A call is made. text: has what is known at the entry.
    virtual void begin(const Call& call, const CallText& text) {
        (void)call;
        (void)text;
    }
    // A call has returned. text: after CallText::finish(). Calls that never return come here too, when their
    // task or the trace ends.
    virtual void end(const Call& call, const Return& result, const CallText& text) = 0;
    // A call that was begun was not made after all; there will be no end() for it.
    virtual void withdraw(const Call& call) { (void)call; }
    // A task is about to get a signal. info: what the signal tells, as strace writes it.
    virtual void signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) {
        (void)task;
        (void)signal;
        (void)info;
        (void)instr;
    }
    // A task has ended. code: as wait() tells it.
    virtual void ended(const Task& task, uint32_t code, uint64_t instr) {
        (void)task;
        (void)code;
        (void)instr;
    }
    // The thread that made `call`, an exec, goes on as `leader`. The end of the call follows.
    virtual void superseded(const Task& leader, const Call& call, uint64_t instr) {
        (void)leader;
        (void)call;
        (void)instr;
    }
    // After the last call.
    virtual void finish() {}
};

struct ReportOptions {
    CallSelection calls;
    SignalSelection signals;
    std::vector<std::string> processes;  // see ProcessSelection
    bool follow = false;
    TextOptions text;
};

class CallReport {
  public:
    // sinks: must outlive this.
    CallReport(ReportOptions options, std::vector<CallSink*> sinks);
    CallReport(const CallReport&) = delete;
    CallReport& operator=(const CallReport&) = delete;

    // Adds itself to the tracker, whose guest is `guest`. Both, and this, must outlive the pass.
    void attach(CallTracker& tracker, Guest& guest);
    // From now on, descriptors are shown with what they are. Call it before attach().
    void describe_fds(std::function<std::string(int64_t)> describe) {
        options_.text.describe_fd = std::move(describe);
    }
    // From now on, messages on netlink sockets are written as such. Call it before attach().
    void tell_sockets(std::function<std::optional<SocketKind>(int64_t)> socket) {
        options_.text.socket = std::move(socket);
    }
    // From now on, network interfaces are shown with their names. Call it before attach().
    void tell_interfaces(std::function<std::optional<std::string>(uint32_t)> name) {
        options_.text.interface_name = std::move(name);
    }
    void finish();

  private:
    void enter(CallTracker& tracker, const Call& call, const UserMemory& memory);
    void leave(const Call& call, const Return& result);
    // Call it before anything is written. The kernel may have read meanwhile what the latest call takes.
    void refresh();

    ReportOptions options_;
    ProcessSelection processes_;
    std::vector<CallSink*> sinks_;
    std::unordered_map<const Call*, std::unique_ptr<CallText>> open_;
    const Call* latest_ = nullptr;
    Guest* guest_ = nullptr;
};

}  // namespace panda::syscalls
