// A running QEMU: its process, its machine protocol (QMP), and the guest's two serial ports.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json_value.h"
#include "recorder/cli/machine.h"
#include "recorder/cli/process.h"

namespace panda::record {

// It cannot be copied, and the process ends with it. Every call that waits serves all channels, so the guest
// is not blocked whatever the order of the calls. Every such call throws Interrupted when a stop signal
// arrives, and Error when QEMU ends.
class Vm {
  public:
    using Clock = std::chrono::steady_clock;
    using Output = std::function<void(std::string_view)>;

    // Starts QEMU and does the QMP handshake. extra: arguments after the machine's. inherited: descriptors
    // that the arguments mention. output: gets what the guest writes to its first serial port, as it comes.
    Vm(const Machine& machine, const std::vector<std::string>& extra, std::vector<int> inherited,
       launch::StopSignals& signals, Output output);

    // Runs a QMP command and returns its result. Throws Error with QEMU's own message.
    nlohmann::json execute(const std::string& command, nlohmann::json arguments = nlohmann::json::object());

    // The next line that the guest's agent sends. Throws Error when none comes in time. limit: none = no
    // limit.
    std::string read_control_line(std::optional<Clock::duration> limit);
    // Sends a line to the guest's agent.
    void send_control_line(const std::string& line);

    // Hands all output that the guest has sent by now to the `output` function.
    void drain_output();
    void set_output(Output output) { output_ = std::move(output); }

    // From now on, calls that wait throw an Error when this much time has passed in all.
    void limit_time(Clock::duration limit) { end_of_time_ = Clock::now() + limit; }

    // Waits until QEMU has ended, and returns its exit status.
    int wait_for_exit();
    // Asks QEMU to end, and waits until it has.
    void quit();
    // Why the guest stopped running, by QMP's name (guest-shutdown, guest-reset, guest-panic); empty while it
    // runs.
    const std::string& shutdown_reason() const { return shutdown_reason_; }
    // The last message that QEMU printed.
    std::string last_error() const { return process_->last_error_line(); }

  private:
    // Waits for something to happen and handles it. Returns false when the deadline has passed.
    bool pump(std::optional<Clock::time_point> deadline);
    void read_monitor();
    void handle_message(const std::string& line);
    [[noreturn]] void report_end();

    launch::StopSignals& signals_;
    Output output_;
    launch::SocketPair monitor_, control_;
    launch::Pipe output_pipe_;
    std::optional<launch::ChildProcess> process_;
    std::string monitor_buffer_, control_buffer_;
    std::deque<nlohmann::json> replies_;
    bool greeted_ = false;
    std::optional<Clock::time_point> end_of_time_;
    std::string shutdown_reason_;
};

}  // namespace panda::record
