// panda-analyze-signal: which signals tasks get, and from whom; PANDA's plugin of that name.
#include <cstring>
#include <map>

#include "analyzers/call_readers/findings.h"
#include "analyzers/osi/text.h"
#include "analyzers/syscalls/program.h"
#include "analyzers/syscalls/selection.h"
#include "analyzers/syscalls/text.h"

namespace {

using namespace panda;
using syscalls::Signal;
using syscalls::Task;

// The process that sent a signal; 0: the kernel. A program's own signals have a code of at most 0, and of the kernel's
// those about children name a process (include/uapi/asm-generic/siginfo.h).
int32_t sender_of(const Signal& signal) {
    constexpr uint32_t sigchld = 17;
    const auto word = [&](size_t place) {
        int32_t value = 0;
        std::memcpy(&value, signal.info.data() + place, sizeof value);
        return value;
    };
    const int32_t code = word(8);
    constexpr int32_t timer = -2, async_io = -4, sigio = -5;
    if ((code > 0 && signal.number != sigchld) || code == timer || code == async_io || code == sigio)
        return 0;
    return word(signal.abi == syscalls::Abi::x86_64 ? 16 : 12);
}

void add_options(analyzers::po::options_description& options) {
    syscalls::add_process_option(options, "only signals to these processes");
    syscalls::add_kernel_options(options);
}

void analyze(analyzers::Run& run) {
    call_readers::Findings findings;
    std::map<int64_t, std::string> names;  // of processes that made calls
    syscalls::ProcessSelection processes(run.texts("process"), false);
    auto* const log = run.pandalog();
    syscalls::run_pass(run, [&](syscalls::CallTracker& tracker, syscalls::LinuxGuest&) {
        tracker.on_all_sys_enter([&](const syscalls::Call& call) { names[call.task.pid] = call.task.name; });
        tracker.on_signal([&](const Task& task, const Signal& signal, uint64_t instr) {
            if (!processes.selects(task))
                return;
            const std::string name = syscalls::signal_text(signal.number);
            const int32_t sender = sender_of(signal);
            const auto found = names.find(sender);
            const std::string source = sender == 0            ? "kernel"
                                       : found == names.end() ? std::string()
                                                              : found->second;
            const std::string info = syscalls::siginfo_text(signal);
            findings.add(
                {{"kind", "signal"},
                 {"instr", instr},
                 {"signal", name},
                 {"number", signal.number},
                 {"source_pid", sender},
                 {"source", source},
                 {"target_pid", task.pid},
                 {"target_tid", task.tid},
                 {"target", task.name},
                 {"info", info}},
                "instr " + std::to_string(instr) + "  " + name + "  to " + analyze_osi::printable(task.name) +
                    " (" + std::to_string(task.tid) + ")  from " +
                    (sender == 0 ? "the kernel"
                                 : analyze_osi::printable(source) + " (" + std::to_string(sender) + ")") +
                    "  " + info);
            if (log != nullptr)
                log->write_fact(instr, 0, "signal",
                                {{"signal", name},
                                 {"source", source},
                                 {"source_pid", static_cast<uint64_t>(sender)},
                                 {"target", task.name},
                                 {"target_pid", static_cast<uint64_t>(task.pid)}});
        });
    });
    findings.write(run);
}

constexpr analyzers::Program program = {
    .name = "signal",
    .summary = "which signals the guest's programs get, and from whom",
    .description =
        "Lists each signal that a task of a Linux guest is about to get, with its sender.\n"
        "TRACE is a file, or - for standard input; it must have all columns of memory.",
    .shared = {.pandalog = "each signal as a fact", .range = nullptr, .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
