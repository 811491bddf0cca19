#include "analyzers/syscalls/line_writer.h"

#include <cstdio>
#include <ostream>

#include "analyzers/syscalls/text.h"

namespace panda::syscalls {

std::string LineWriter::prefix(const Task& task, uint64_t instr) const {
    char text[64];
    if (with_instr_)
        std::snprintf(text, sizeof text, "%-5lld %12llu ", static_cast<long long>(task.tid),
                      static_cast<unsigned long long>(instr));
    else
        std::snprintf(text, sizeof text, "%-5lld ", static_cast<long long>(task.tid));
    return text;
}

void LineWriter::begin(const Call& call, const CallText& text) {
    end_line();
    open_ = &call;
    line_ = prefix(call.task, call.instr) + text.beginning();
}

void LineWriter::end(const Call& call, const Return& result, const CallText& text) {
    if (result.ending == Ending::unfinished) {
        if (open_ == &call)
            end_line();
        return;
    }
    if (open_ == &call) {
        open_ = nullptr;
        out_ << with_result(prefix(call.task, call.instr) + text.whole(), text.result()) << '\n';
        return;
    }
    end_line();
    // What the call's first line has is not repeated.
    const std::string whole = text.whole();
    const std::string rest =
        whole.starts_with(text.beginning()) ? whole.substr(text.beginning().size()) : ")";
    out_ << with_result(prefix(call.task, result.instr) + "<... " + call.name() + " resumed>" + rest,
                        text.result())
         << '\n';
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

void LineWriter::finish() {
    end_line();
}

void LineWriter::end_line() {
    if (open_ != nullptr)
        out_ << line_ << " <unfinished ...>\n";
    open_ = nullptr;
}

}  // namespace panda::syscalls
