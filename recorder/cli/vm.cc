#include "recorder/cli/vm.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "common/error.h"

namespace panda::record {
namespace {

using nlohmann::json;

// The longest line that QEMU or the guest may send. What the guest sends is not trusted.
constexpr size_t line_limit = size_t{16} << 20;

// Reads what is there; the descriptor does not block. Returns false at the end of the stream.
bool read_some(int descriptor, std::string& buffer) {
    char bytes[65536];
    while (true) {
        const ssize_t got = ::read(descriptor, bytes, sizeof(bytes));
        if (got > 0) {
            buffer.append(bytes, static_cast<size_t>(got));
            return true;
        }
        if (got < 0 && errno == EINTR)
            continue;
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
}

std::optional<std::string> take_line(std::string& buffer) {
    const size_t end = buffer.find('\n');
    if (end == std::string::npos) {
        if (buffer.size() > line_limit)
            throw Error("QEMU or the guest sent a line without an end");
        return std::nullopt;
    }
    std::string line = buffer.substr(0, end);
    buffer.erase(0, end + 1);
    if (!line.empty() && line.back() == '\r')
        line.pop_back();
    return line;
}

}  // namespace

Vm::Vm(const Machine& machine, const std::vector<std::string>& extra, std::vector<int> inherited,
       launch::StopSignals& signals, Output output)
    : signals_(signals), output_(std::move(output)) {
    const Channels channels = {monitor_.theirs.get(), output_pipe_.theirs.get(), control_.theirs.get()};
    std::vector<std::string> command = {machine.qemu};
    for (const auto& part : {machine_arguments(machine), channel_arguments(channels), extra})
        command.insert(command.end(), part.begin(), part.end());
    inherited.insert(inherited.end(), {channels.monitor, channels.output, channels.control});
    process_.emplace(command, inherited, launch::ChildOutput::discard);
    monitor_.theirs.reset();
    control_.theirs.reset();
    output_pipe_.theirs.reset();
    while (!greeted_)
        pump(std::nullopt);
    execute("qmp_capabilities");
}

json Vm::execute(const std::string& command, json arguments) {
    const std::string line = json{{"execute", command}, {"arguments", std::move(arguments)}}.dump() + "\n";
    // The line is far smaller than the socket's buffer, so this does not block.
    if (::send(monitor_.ours.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size()))
        report_end();
    while (replies_.empty())
        pump(std::nullopt);
    json reply = std::move(replies_.front());
    replies_.pop_front();
    if (reply.contains("error"))
        throw Error(reply["error"].value("desc", command + " failed"));
    return reply["return"];
}

std::string Vm::read_control_line(std::optional<Clock::duration> limit) {
    std::optional<Clock::time_point> deadline;
    if (limit)
        deadline = Clock::now() + *limit;
    while (true) {
        if (auto line = take_line(control_buffer_))
            return *line;
        if (!pump(deadline))
            throw Error("the guest's agent does not answer");
    }
}

void Vm::send_control_line(const std::string& line) {
    const std::string text = line + "\n";
    size_t sent = 0;
    while (sent < text.size()) {
        const ssize_t now = ::send(control_.ours.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (now > 0)
            sent += static_cast<size_t>(now);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            pump(Clock::now() + std::chrono::milliseconds(10));
        else if (errno != EINTR)
            report_end();
    }
}

void Vm::drain_output() {
    std::string bytes;
    do {
        bytes.clear();
        if (!read_some(output_pipe_.ours.get(), bytes))
            return;
        if (output_)
            output_(bytes);
    } while (!bytes.empty());
}

int Vm::wait_for_exit() {
    while (true) {
        if (const auto status = process_->exit_status()) {
            drain_output();
            read_monitor();
            return *status;
        }
        try {
            pump(std::nullopt);
        } catch (const launch::Interrupted&) {
            throw;
        } catch (const Error&) {
            if (!process_->exit_status())
                throw;
        }
    }
}

void Vm::quit() {
    try {
        execute("quit");
    } catch (const launch::Interrupted&) {
        throw;
    } catch (const Error&) {
        // QEMU may end before its answer is read.
        if (!process_->exit_status())
            throw;
    }
    wait_for_exit();
}

bool Vm::pump(std::optional<Clock::time_point> deadline) {
    int wait = -1;
    if (deadline || end_of_time_) {
        const auto end = std::min(deadline.value_or(Clock::time_point::max()),
                                  end_of_time_.value_or(Clock::time_point::max()));
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0 && end_of_time_ == end)
            throw Error("QEMU does not answer");
        if (left <= 0)
            return false;
        wait = static_cast<int>(std::min<int64_t>(left, INT32_MAX - 1)) + 1;
    }
    pollfd events[] = {{signals_.descriptor(), POLLIN, 0},
                       {process_->descriptor(), POLLIN, 0},
                       {monitor_.ours.get(), POLLIN, 0},
                       {output_pipe_.ours.get(), POLLIN, 0},
                       {control_.ours.get(), POLLIN, 0}};
    if (::poll(events, std::size(events), wait) < 0 && errno != EINTR)
        throw Error("cannot wait for QEMU: " + errno_text(errno));
    signals_.check();
    if (events[3].revents != 0)
        drain_output();
    if (events[4].revents != 0)
        read_some(control_.ours.get(), control_buffer_);
    if (events[2].revents != 0)
        read_monitor();
    if (process_->exit_status()) {
        drain_output();
        read_monitor();
        report_end();
    }
    return true;
}

void Vm::read_monitor() {
    read_some(monitor_.ours.get(), monitor_buffer_);
    while (auto line = take_line(monitor_buffer_))
        handle_message(*line);
}

void Vm::handle_message(const std::string& line) {
    json message = json::parse(line, nullptr, false);
    if (message.is_discarded())
        throw Error("QEMU's monitor does not speak JSON: " + line.substr(0, 80));
    if (message.contains("QMP"))
        greeted_ = true;
    else if (message.contains("return") || message.contains("error"))
        replies_.push_back(std::move(message));
    else if (message.value("event", "") == "SHUTDOWN")
        shutdown_reason_ = message["data"].value("reason", "unknown");
    else if (message.value("event", "") == "GUEST_PANICKED")
        shutdown_reason_ = "guest-panic";
}

void Vm::report_end() {
    const std::string reason = last_error();
    if (shutdown_reason_ == "guest-shutdown")
        throw Error("the guest powered itself off");
    if (!shutdown_reason_.empty() && shutdown_reason_ != "host-qmp-quit")
        throw Error("the guest stopped (" + shutdown_reason_ + ")" + (reason.empty() ? "" : ": " + reason));
    throw Error("QEMU ended" + (reason.empty() ? std::string() : ": " + reason));
}

}  // namespace panda::record
