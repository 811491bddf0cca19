// Writes calls as lines of text, as strace -f -o FILE does.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <unordered_map>

#include "analyzers/syscalls/report.h"

namespace panda::syscalls {

// A call whose task gives way to another before it returns is written in two parts:
//     read(3,  <unfinished ...>
//     <... read resumed>"…", 10) = 5
// What stands before and behind a line beside the call, as strace's options say.
struct LineOptions {
    bool instr = false;  // before it, the number of instructions
    // -t, -tt, -ttt: the time of day, with microseconds, or seconds since 1970 with microseconds. All times
    // are UTC.
    enum class Time : uint8_t { none, of_day, of_day_exact, since_1970 };
    Time time = Time::none;
    bool since_last = false;  // -r: the time since the line before
    bool spent = false;       // -T: behind it, the time that the call took

    bool needs_clock() const { return time != Time::none || since_last || spent; }
};

class LineWriter final : public CallSink {
  public:
    // out: must outlive this.
    LineWriter(std::ostream& out, const LineOptions& options) : out_(out), options_(options) {}

    void set_clock(const TimeOf& time_of) override { time_of_ = time_of; }
    // The following throw Error if a time is asked for and the guest's kernel does not tell it.
    void begin(const Call& call, const CallText& text) override;
    void end(const Call& call, const Return& result, const CallText& text) override;
    void withdraw(const Call& call) override;
    void signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) override;
    void ended(const Task& task, uint32_t code, uint64_t instr) override;
    void superseded(const Task& leader, const Call& call, uint64_t instr) override;
    void finish() override;

  private:
    // A call that has begun, and not ended.
    struct Begun {
        int64_t time = 0;
        std::optional<std::string> written;  // what has been written of it
    };
    void end_line(const std::string& why = "unfinished");
    std::string prefix(const Task& task, uint64_t instr);
    std::string time_text(int64_t time);
    int64_t time_of(uint64_t instr) const;

    std::ostream& out_;
    LineOptions options_;
    TimeOf time_of_;
    std::optional<int64_t> last_time_;  // of the line before
    // The last line, if it has not ended, and what it starts with.
    const Call* open_ = nullptr;
    const CallText* text_ = nullptr;
    std::string prefix_;
    std::unordered_map<const Call*, Begun> begun_;
    // An exec that ends under another number than it began.
    const Call* moved_ = nullptr;
    Task moved_to_;
};

}  // namespace panda::syscalls
