// A running QEMU: its process, its machine protocol (QMP), and the guest's two serial ports.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/cli/machine.h"
#include "recorder/cli/process.h"

namespace panda::record {

// Not copyable; the process ends with it. Every call that waits serves all channels, so no order of calls can
// block the guest, and throws Interrupted when a stop signal arrives and Error when QEMU ends.
class Vm {
  public:
    using Clock = std::chrono::steady_clock;
    using Output = std::function<void(std::string_view)>;

    // Starts QEMU and shakes hands over QMP. extra: arguments after the machine's. inherited: descriptors
    // that the arguments mention. output: gets what the guest writes to its first serial port, as it comes.
    Vm(const Machine& machine, const std::vector<std::string>& extra, std::vector<int> inherited,
       launch::StopSignals& signals, Output output);

    // Runs a QMP command and returns what it returned. Throws Error with QEMU's own words.
    nlohmann::json execute(const std::string& command, nlohmann::json arguments = nlohmann::json::object());

    // The next line that the guest's agent sends. Throws Error when none came in time.
    std::string read_control_line(std::optional<Clock::duration> limit);
    void send_control_line(const std::string& line);

    // Hands over all output that the guest has sent by now.
    void drain_output();
    void set_output(Output output) { output_ = std::move(output); }

    // Waits until QEMU has ended; its exit status.
    int wait_for_exit();
    // Asks QEMU to end and waits.
    void quit();
    // Why the guest stopped running, by QMP's name (guest-shutdown, guest-reset, guest-panic); empty if it
    // runs.
    const std::string& shutdown_reason() const { return shutdown_reason_; }
    // QEMU's last message.
    std::string last_error() const { return process_->last_error_line(); }

  private:
    // Waits for something to happen and takes it in. False when the deadline passed.
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
    std::string shutdown_reason_;
};

}  // namespace panda::record
