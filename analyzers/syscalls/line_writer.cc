#include "analyzers/syscalls/line_writer.h"

#include <cstdio>
#include <ctime>
#include <ostream>
#include <utility>

#include "analyzers/syscalls/text.h"
#include "common/error.h"

namespace panda::syscalls {
namespace {

constexpr int64_t second = 1000000000;  // ns

}  // namespace

int64_t LineWriter::time_of(uint64_t instr) const {
    const auto time = time_of_ ? time_of_(instr) : std::nullopt;
    if (!time)
        throw Error("the guest's kernel does not tell what time it is");
    return *time;
}

// As strace does: a time is before the line, and the time since the last line is in brackets beside it.
std::string LineWriter::time_text(int64_t time) {
    const std::time_t seconds = time / second;
    const long microseconds = static_cast<long>(time % second / 1000);
    char text[64] = "";
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    const bool of_day = options_.time == LineOptions::Time::of_day;
    if (of_day || options_.time == LineOptions::Time::of_day_exact)
        std::strftime(text, sizeof text, "%H:%M:%S", &parts);
    std::string result = text;
    if (options_.time == LineOptions::Time::since_1970)
        result = std::to_string(seconds);
    if (options_.time != LineOptions::Time::none && !of_day) {
        std::snprintf(text, sizeof text, ".%06ld", microseconds);
        result += text;
    }
    if (options_.since_last) {
        const int64_t since = (time - last_time_.value_or(time)) / 1000;
        const char* format = result.empty() ? "%6lld.%06lld" : " (+%6lld.%06lld)";
        std::snprintf(text, sizeof text, format, static_cast<long long>(since / 1000000),
                      static_cast<long long>(since % 1000000));
        result += text;
    }
    return result.empty() ? "" : result + " ";
}

std::string LineWriter::prefix(const Task& task, uint64_t instr) {
    char text[64];
    std::snprintf(text, sizeof text, "%-5lld ", static_cast<long long>(task.tid));
    std::string result = text;
    if (options_.instr) {
        std::snprintf(text, sizeof text, "%12llu ", static_cast<unsigned long long>(instr));
        result += text;
    }
    if (options_.time != LineOptions::Time::none || options_.since_last) {
        const int64_t time = time_of(instr);
        result += time_text(time);
        last_time_ = time;
    }
    return result;
}

void LineWriter::begin(const Call& call, const CallText& text) {
    end_line();
    open_ = &call;
    text_ = &text;
    prefix_ = prefix(call.task, call.instr);
    begun_[&call] = {options_.spent ? time_of(call.instr) : 0, std::nullopt};
}

void LineWriter::end(const Call& call, const Return& result, const CallText& text) {
    if (result.ending == Ending::unfinished) {
        if (open_ == &call)
            end_line();
        begun_.erase(&call);
        return;
    }
    const auto node = begun_.extract(&call);
    const Begun begun = node ? node.mapped() : Begun{};
    std::string line;
    if (open_ == &call) {
        open_ = nullptr;
        line = prefix_ + text.whole();
    } else {
        end_line();
        // What the call's first line has is not repeated.
        const std::string whole = text.whole();
        const std::string beginning = begun.written.value_or(text.beginning());
        const std::string rest = whole.starts_with(beginning) ? whole.substr(beginning.size()) : ")";
        const Task& task = std::exchange(moved_, nullptr) == &call ? moved_to_ : call.task;
        line = prefix(task, result.instr) + "<... " + call.name() + " resumed>" + rest;
    }
    out_ << with_result(line, text.result());
    if (options_.spent && result.ending == Ending::returned) {
        const int64_t spent = (time_of(result.instr) - begun.time) / 1000;
        char time[32];
        std::snprintf(time, sizeof time, " <%lld.%06lld>", static_cast<long long>(spent / 1000000),
                      static_cast<long long>(spent % 1000000));
        out_ << time;
    }
    out_ << '\n';
}

void LineWriter::withdraw(const Call& call) {
    if (open_ == &call)
        open_ = nullptr;
    begun_.erase(&call);
}

void LineWriter::signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) {
    end_line();
    out_ << prefix(task, instr) << "--- " << signal_text(signal.number) << ' ' << info << " ---\n";
    // SIGSTOP can be neither caught nor ignored.
    constexpr uint32_t sigstop = 19;
    if (signal.number == sigstop)
        out_ << prefix(task, instr) << "--- stopped by SIGSTOP ---\n";
}

void LineWriter::ended(const Task& task, uint32_t code, uint64_t instr) {
    end_line();
    const ExitCode end(code);
    out_ << prefix(task, instr);
    if (end.signal == 0)
        out_ << "+++ exited with " << end.status << " +++\n";
    else
        out_ << "+++ killed by " << signal_text(end.signal) << (end.core ? " (core dumped)" : "") << " +++\n";
}

void LineWriter::superseded(const Task& leader, const Call& call, uint64_t instr) {
    end_line(open_ == &call ? "pid changed to " + std::to_string(leader.tid) : "unfinished");
    out_ << prefix(leader, instr) << "+++ superseded by execve in pid " << call.task.tid << " +++\n";
    moved_ = &call;
    moved_to_ = leader;
}

void LineWriter::finish() {
    end_line();
}

void LineWriter::end_line(const std::string& why) {
    if (open_ != nullptr) {
        begun_[open_].written = text_->beginning();
        out_ << prefix_ << text_->beginning() << " <" << why << " ...>\n";
    }
    open_ = nullptr;
}

}  // namespace panda::syscalls
