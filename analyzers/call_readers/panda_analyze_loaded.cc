// panda-analyze-loaded: when programs map code of files; PANDA's plugin of that name.
#include <map>

#include "analyzers/call_readers/findings.h"
#include "analyzers/osi/text.h"
#include "analyzers/syscalls/program.h"
#include "analyzers/syscalls/selection.h"
#include "analyzers/syscalls/transfer.h"
#include "common/hex.h"

namespace {

using namespace panda;
using syscalls::Call;
using syscalls::Return;

constexpr uint64_t prot_exec = 4;  // include/uapi/asm-generic/mman-common.h

void add_options(analyzers::po::options_description& options) {
    syscalls::add_process_option(options);
    syscalls::add_kernel_options(options);
}

void analyze(analyzers::Run& run) {
    call_readers::Findings findings;
    std::map<const Call*, std::string> open;  // calls that are not over, with the file
    syscalls::ProcessSelection processes(run.texts("process"), false);
    auto* const log = run.pandalog();
    syscalls::run_pass(run, [&](syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
        const auto enter = [&](const Call& call) {
            const int64_t fd = syscalls::fd_argument(call, 4);
            if (processes.selects(call.task) && (call.arguments[2] & prot_exec) != 0 && fd >= 0)
                open[&call] = guest.describe_fd(fd);
        };
        const auto leave = [&](const Call& call, const Return& result) {
            const auto found = open.find(&call);
            if (found == open.end())
                return;
            const std::string file = std::move(found->second);
            open.erase(found);
            if (result.ending != syscalls::Ending::returned || result.failed())
                return;
            uint64_t base = static_cast<uint64_t>(result.value);
            if (call.abi != syscalls::Abi::x86_64)
                base &= 0xffff'ffff;
            const uint64_t size = call.arguments[1];
            findings.add({{"kind", "loaded"},
                          {"instr", result.instr},
                          {"pid", call.task.pid},
                          {"tid", call.task.tid},
                          {"name", call.task.name},
                          {"file", file},
                          {"base", hex(base)},
                          {"size", size}},
                         "instr " + std::to_string(result.instr) + "  " +
                             analyze_osi::printable(call.task.name) + " (" + std::to_string(call.task.pid) +
                             ")  " + hex(base, 12) + "  " + hex(size) + "  " + analyze_osi::printable(file));
            if (log != nullptr)
                log->write_fact(result.instr, call.pc, "loaded",
                                {{"pid", static_cast<uint64_t>(call.task.pid)},
                                 {"file", file},
                                 {"base", base},
                                 {"size", size}});
        };
        tracker.on_sys_enter("mmap", [enter](const Call& call) {
            // i386's old mmap has its arguments in memory; its libraries use mmap2.
            if (call.abi == syscalls::Abi::x86_64)
                enter(call);
        });
        tracker.on_sys_enter("mmap2", enter);
        tracker.on_sys_return("mmap", leave);
        tracker.on_sys_return("mmap2", leave);
    });
    findings.write(run);
}

constexpr analyzers::Program program = {
    .name = "loaded",
    .summary = "when programs map code of files into their memory",
    .description =
        "Lists each file that a program of a Linux guest maps to be executed: libraries, mostly.\n"
        "TRACE is a file, or - for standard input; it must have all columns of memory.",
    .shared = {.pandalog = "each mapping as a fact", .range = nullptr, .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
