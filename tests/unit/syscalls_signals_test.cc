// Calls in progress at the start, signals, and ends of tasks.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "analyzers/syscalls/json_writer.h"
#include "analyzers/syscalls/line_writer.h"
#include "analyzers/syscalls/report.h"
#include "analyzers/syscalls/text.h"
#include "common/error.h"
#include "syscalls_fakes.h"

namespace {

using namespace panda::syscalls;
using panda::trace::CallGate;
using panda::trace::ReturnGate;
using panda::trace::SystemCall;
using panda::trace::SystemReturn;

const Task shell{0xffff880000001000, 10, 10, "sh"};
const Task child{0xffff880000002000, 11, 11, "sh"};
constexpr uint64_t pc = 0x401000, stack = 0x7ffe0000;

uint64_t number_of(const char* name, Abi abi = Abi::x86_64) {
    return find_call(abi, std::string(name))->number;
}

// A guest whose kernel tells everything.
struct TellingGuest final : Guest {
    std::optional<Task> current_task() override { return task; }
    bool is_alive(const Task& of) override { return codes.count(of.tid) == 0; }
    const UserMemory& user_memory() const override { return memory; }
    void visit_tasks(const TaskVisitor& visit) override {
        const auto before = task;
        for (const auto& [each, program] : tasks) {
            task = each;
            visit(each, program);
        }
        task = before;
    }
    bool tells_functions() const override { return tells; }
    std::optional<InterruptedProgram> interrupted_program() override { return program; }
    std::optional<Signal> synchronous_signal() override { return fault; }
    std::optional<Signal> next_signal() override { return next; }
    bool is_final(const Signal&) override { return final; }
    bool has_other_threads(const Task& leader) override {
        return std::any_of(threads.begin(), threads.end(), [&](const Task& thread) {
            return thread.pid == leader.pid && codes.count(thread.tid) == 0;
        });
    }
    std::optional<uint32_t> exit_code(const Task& of) override {
        const auto found = codes.find(of.tid);
        return found == codes.end() ? std::nullopt : std::optional(found->second);
    }

    std::optional<Task> task;
    std::vector<std::pair<Task, std::optional<InterruptedProgram>>> tasks;
    std::optional<InterruptedProgram> program;
    std::optional<Signal> fault, next;
    std::map<int64_t, uint32_t> codes;
    std::vector<Task> threads;  // beside the first ones of their processes
    bool tells = true, final = false;
    FakeMemory memory;
};

Signal signal_with(std::initializer_list<int32_t> words, Abi abi = Abi::x86_64) {
    Signal signal;
    signal.abi = abi;
    signal.number = static_cast<uint32_t>(*words.begin());
    std::memcpy(signal.info.data(), words.begin(), words.size() * sizeof(int32_t));
    return signal;
}

InterruptedProgram program_in(const char* name, std::array<uint64_t, 6> arguments, int64_t result,
                              Abi abi = Abi::x86_64) {
    InterruptedProgram program;
    program.in_call = true;
    program.abi = abi;
    program.number = number_of(name, abi);
    program.arguments = arguments;
    program.next_pc = pc + 2;
    program.stack_pointer = stack;
    program.result = result;
    return program;
}

constexpr int64_t enosys = 38;

struct Lines {
    explicit Lines(ReportOptions options = {}) : report(std::move(options), {&writer, &json}) {
        report.attach(tracker, guest);
    }
    void call(const Task& task, const char* name, std::array<uint64_t, 6> arguments = {}) {
        guest.task = task;
        tracker.event({++instr, SystemCall{CallGate::syscall, number_of(name), arguments, stack, pc}});
    }
    void back(const Task& task, int64_t value, uint64_t to = pc + 2) {
        guest.task = task;
        tracker.event({++instr, SystemReturn{ReturnGate::sysret, static_cast<uint64_t>(value), stack, to}});
    }
    void function(const Task& task, KernelFunction function) {
        guest.task = task;
        tracker.kernel_function(function, ++instr);
    }
    std::string text() {
        tracker.finish(++instr);
        report.finish();
        return out.str();
    }

    TellingGuest guest;
    CallTracker tracker{guest};
    std::ostringstream out, objects;
    LineWriter writer{out, {}};
    JsonWriter json{objects};
    CallReport report;
    uint64_t instr = 100;
};

}  // namespace

TEST_CASE("calls that tasks are in when the trace begins", "[syscalls]") {
    Lines lines;
    const Task fresh{0xffff880000003000, 12, 12, "sh"}, idle{0xffff880000004000, 13, 13, "sh"};
    const Task compat{0xffff880000005000, 14, 14, "sh"};
    lines.guest.tasks = {{shell, program_in("read", {3, 0x1000, 100}, -enosys)},
                         {child, program_in("wait4", {UINT64_MAX, 0, 0, 0}, -enosys)},
                         {fresh, program_in("clone", {0, 0, 0, 0, 0}, 0)},
                         {idle, std::nullopt},
                         {compat, program_in("nanosleep", {0x2000, 0}, -enosys, Abi::i386)}};
    std::vector<int64_t> children;
    lines.tracker.on_child(
        [&](const Task& task, const SystemReturn&, uint64_t) { children.push_back(task.tid); });
    lines.tracker.begin(100);
    lines.guest.memory.put_text(0x1000, "hello");
    lines.back(shell, 5);
    // This task runs its program, so its return to user mode is not the return of a call.
    lines.back(idle, 7);
    lines.back(fresh, 0);
    lines.call(idle, "getpid");
    lines.back(idle, 13);
    CHECK(lines.text() ==
          "10    read(3,  <unfinished ...>\n"
          "11    wait4(-1,  <unfinished ...>\n"
          "14    nanosleep( <unfinished ...>\n"
          "10    <... read resumed>\"hello\", 100)   = 5\n"
          "13    getpid()                          = 13\n");
    CHECK(children == std::vector<int64_t>{12});
    const PairCounts& counts = lines.tracker.counts();
    CHECK(counts.in_progress == 3);
    CHECK(counts.entered == 4);
    CHECK(counts.returned == 2);
    CHECK(counts.unfinished == 2);
    CHECK(counts.lost_returns == 0);
    CHECK(lines.objects.str().find("\"in_progress\":true") != std::string::npos);
}

TEST_CASE("a call in progress that is restarted, and the same one after a gap", "[syscalls]") {
    Lines lines;
    lines.guest.tasks = {{shell, program_in("poll", {0, 0, 1000}, -enosys)}};
    lines.tracker.begin(100);
    lines.back(shell, static_cast<int64_t>(number_of("restart_syscall")), pc);
    lines.call(shell, "restart_syscall");
    lines.tracker.finish(200);
    lines.guest.tasks = {{shell, program_in("restart_syscall", {}, -enosys)}};
    lines.tracker.begin(300);
    lines.back(shell, 0);
    CHECK(lines.text() ==
          "10    poll(NULL, 0, 1000)               = ? ERESTART_RESTARTBLOCK (Interrupted by signal)\n"
          "10    restart_syscall(<... resuming interrupted poll ...> <unfinished ...>\n"
          "10    restart_syscall(<... resuming interrupted system call ...>) = 0\n");
}

TEST_CASE("a signal ends the call that it interrupts, and is told before the handler runs", "[syscalls]") {
    Lines lines;
    lines.call(shell, "pause");
    lines.guest.program = program_in("pause", {}, -514);
    lines.guest.next = signal_with({17, 0, 1, 0, 11, 0, 3, 0, 5, 0, 7, 0});
    // The task is not on its way back: signalfd and sigtimedwait take signals like this.
    lines.function(shell, KernelFunction::dequeue_signal);
    lines.function(shell, KernelFunction::get_signal);
    lines.function(shell, KernelFunction::dequeue_signal);
    lines.back(shell, 0, 0x403000);
    lines.function(shell, KernelFunction::dequeue_signal);
    lines.call(shell, "getpid");
    lines.back(shell, 10);
    CHECK(lines.text() ==
          "10    pause()                           = ? ERESTARTNOHAND (To be restarted if no handler)\n"
          "10    --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=11, si_uid=0, si_status=3, "
          "si_utime=5 /* 0.05 s */, si_stime=7 /* 0.07 s */} ---\n"
          "10    getpid()                          = 10\n");
    CHECK(lines.objects.str().find("\"signal\":\"SIGCHLD\"") != std::string::npos);
}

TEST_CASE("a fault, and what becomes of its task", "[syscalls]") {
    Lines lines;
    lines.call(shell, "getpid");
    lines.back(shell, 10);
    lines.guest.fault = signal_with({11, 0, 1, 0, 0x1234, 0});
    lines.guest.codes[10] = 11 | 0x80;
    lines.function(shell, KernelFunction::get_signal);
    lines.function(shell, KernelFunction::do_exit);
    lines.call(child, "pause");
    lines.guest.codes[11] = 9;
    lines.function(child, KernelFunction::do_exit);
    CHECK(lines.text() ==
          "10    getpid()                          = 10\n"
          "10    --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x1234} ---\n"
          "10    +++ killed by SIGSEGV (core dumped) +++\n"
          "11    pause()                           = ?\n"
          "11    +++ killed by SIGKILL +++\n");
    CHECK(lines.tracker.counts().gone == 1);
    CHECK(lines.objects.str().find("\"core_dumped\":true") != std::string::npos);
}

TEST_CASE("ends of tasks: exits, and threads that an exit of their process ends", "[syscalls]") {
    Lines lines;
    const Task thread{0xffff880000003000, 10, 15, "sh"};
    lines.guest.threads = {thread};
    lines.call(thread, "futex");
    lines.call(shell, "exit_group", {3});
    lines.guest.codes = {{10, 3 << 8}, {15, 3 << 8}};
    lines.function(shell, KernelFunction::do_exit);
    lines.function(thread, KernelFunction::do_exit);
    // The first thread stands for its process, which ends with the last one.
    CHECK(lines.text() ==
          "15    futex(NULL, FUTEX_WAIT, 0, NULL <unfinished ...>\n"
          "10    exit_group(3)                     = ?\n"
          "15    <... futex resumed>)              = ?\n"
          "15    +++ exited with 3 +++\n"
          "10    +++ exited with 3 +++\n");
    CHECK(lines.tracker.counts().gone == 2);
}

TEST_CASE("a first thread that ends before the others is told with the last of them", "[syscalls]") {
    Lines lines;
    const Task thread{0xffff880000003000, 10, 15, "sh"};
    lines.guest.threads = {thread};
    lines.call(thread, "getpid");
    lines.call(shell, "exit", {0});
    lines.function(shell, KernelFunction::do_exit);
    lines.guest.codes = {{10, 0}};
    lines.back(thread, 10);
    lines.call(thread, "exit_group", {3});
    lines.function(thread, KernelFunction::do_exit);
    lines.guest.codes = {{10, 3 << 8}, {15, 3 << 8}};
    CHECK(lines.text() ==
          "15    getpid( <unfinished ...>\n"
          "10    exit(0)                           = ?\n"
          "15    <... getpid resumed>)             = 10\n"
          "15    exit_group(3)                     = ?\n"
          "15    +++ exited with 3 +++\n"
          "10    +++ exited with 3 +++\n");
}

TEST_CASE("an exit that seccomp turns away returns", "[syscalls]") {
    Lines lines;
    lines.call(shell, "exit_group", {7});
    lines.back(shell, -1);
    lines.call(shell, "getpid");
    lines.back(shell, 10);
    CHECK(lines.text() ==
          "10    exit_group(7)                     = -1 EPERM (Operation not permitted)\n"
          "10    getpid()                          = 10\n");
    CHECK(lines.tracker.counts().returned == 2);
}

TEST_CASE("a call that user dispatch turns into a signal is not shown", "[syscalls]") {
    Lines lines;
    lines.call(shell, "unlink", {0x1000});
    lines.guest.program = program_in("unlink", {0x1000}, 87);
    lines.guest.fault = signal_with({31, 0, 2, 0, 0x401002, 0, 87, static_cast<int32_t>(0xc000003e)});
    lines.function(shell, KernelFunction::get_signal);
    CHECK(lines.text() ==
          "10    --- SIGSYS {si_signo=SIGSYS, si_code=SYS_USER_DISPATCH, si_call_addr=0x401002, "
          "si_syscall=__NR_unlink, si_arch=AUDIT_ARCH_X86_64} ---\n");
    CHECK(lines.objects.str().find("unlink\",\"") == std::string::npos);
    CHECK(lines.tracker.counts().diverted == 1);
}

TEST_CASE("a signal that seccomp makes final is not told", "[syscalls]") {
    Lines lines;
    lines.call(shell, "getsid", {0});
    lines.guest.program = program_in("getsid", {0}, 124);
    lines.guest.fault = signal_with({31, 0, 1, 0, 0x401002, 0, 124, static_cast<int32_t>(0xc000003e)});
    lines.guest.final = true;
    lines.function(shell, KernelFunction::get_signal);
    lines.function(shell, KernelFunction::do_exit);
    lines.guest.codes = {{10, 31}};
    CHECK(lines.text() ==
          "10    getsid(0)                         = 124\n"
          "10    +++ killed by SIGSYS +++\n");
}

TEST_CASE("an exec by a thread goes on under the number of its process", "[syscalls]") {
    Lines lines;
    const Task other{0xffff880000003000, 10, 14, "sh"};
    Task thread{0xffff880000004000, 10, 15, "sh"};
    lines.guest.threads = {other, thread};
    lines.call(other, "pause");
    lines.call(shell, "pause");
    lines.guest.memory.put_text(0x1000, "/bin/true");
    lines.call(thread, "execve", {0x1000, 0, 0});
    lines.function(other, KernelFunction::do_exit);
    lines.function(shell, KernelFunction::do_exit);
    lines.guest.codes = {{10, 0}, {14, 0}};
    thread.tid = 10;
    lines.back(thread, 0, 0x7f0000001000);
    lines.call(thread, "getpid");
    lines.back(thread, 10);
    CHECK(lines.text() ==
          "14    pause( <unfinished ...>\n"
          "10    pause( <unfinished ...>\n"
          "15    execve(\"/bin/true\", NULL, NULL <unfinished ...>\n"
          "14    <... pause resumed>)              = ?\n"
          "14    +++ exited with 0 +++\n"
          "10    <... pause resumed>)              = ?\n"
          "10    +++ superseded by execve in pid 15 +++\n"
          "10    <... execve resumed>)             = 0\n"
          "10    getpid()                          = 10\n");
    CHECK(lines.objects.str().find("\"kind\":\"superseded\"") != std::string::npos);
}

TEST_CASE("an exec by the only thread that is left", "[syscalls]") {
    Lines lines;
    Task thread{0xffff880000004000, 10, 15, "sh"};
    lines.guest.memory.put_values<uint64_t>(0x1000, {0});
    lines.guest.threads = {thread};
    lines.call(shell, "exit", {0});
    lines.function(shell, KernelFunction::do_exit);
    lines.guest.codes = {{10, 0}};
    lines.call(thread, "execve", {0x1000, 0, 0});
    thread.tid = 10;
    lines.back(thread, 0, 0x7f0000001000);
    CHECK(lines.text() ==
          "10    exit(0)                           = ?\n"
          "15    execve(\"\", NULL, NULL <pid changed to 10 ...>\n"
          "10    +++ superseded by execve in pid 15 +++\n"
          "10    <... execve resumed>)             = 0\n");
}

TEST_CASE("a guest that does not tell functions: exits follow from the calls", "[syscalls]") {
    Lines lines;
    lines.guest.tells = false;
    lines.call(shell, "exit_group", {0x102});
    CHECK(lines.text() == "10    exit_group(258)                   = ?\n10    +++ exited with 2 +++\n");
}

TEST_CASE("what signals tell, as strace writes it", "[syscalls]") {
    CHECK(siginfo_text(signal_with({10, 0, 0, 0, 42, 1000})) ==
          "{si_signo=SIGUSR1, si_code=SI_USER, si_pid=42, si_uid=1000}");
    CHECK(siginfo_text(signal_with({10, 0, -6, 0, 42, 0})) ==
          "{si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=42, si_uid=0}");
    CHECK(siginfo_text(signal_with({34, 0, -1, 0, 42, 0, 7, 0})) ==
          "{si_signo=SIGRT_2, si_code=SI_QUEUE, si_pid=42, si_uid=0, si_int=7, si_ptr=0x7}");
    CHECK(siginfo_text(signal_with({14, 0, 0x80, 0, 0, 0})) == "{si_signo=SIGALRM, si_code=SI_KERNEL}");
    CHECK(siginfo_text(signal_with({14, 0, -2, 0, 0, 1, 7, 0})) ==
          "{si_signo=SIGALRM, si_code=SI_TIMER, si_timerid=0, si_overrun=1, si_int=7, si_ptr=0x7}");
    CHECK(siginfo_text(signal_with({17, 0, 2, 11, 0, 9, 1, 2}, Abi::i386)) ==
          "{si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=11, si_uid=0, si_status=SIGKILL, si_utime=1 "
          "/* 0.01 s */, si_stime=2 /* 0.02 s */}");
    CHECK(siginfo_text(signal_with({5, 0, 1, 0, 0, 0})) == "{si_signo=SIGTRAP, si_code=TRAP_BRKPT}");
}

TEST_CASE("signals are selected", "[syscalls]") {
    CHECK(SignalSelection().selects(17));
    CHECK_FALSE(SignalSelection("none").selects(17));
    CHECK(SignalSelection("all").selects(17));
    CHECK(SignalSelection("CHLD,10").selects(17));
    CHECK(SignalSelection("SIGCHLD,10").selects(10));
    CHECK_FALSE(SignalSelection("CHLD").selects(9));
    CHECK_FALSE(SignalSelection("!SIGCHLD").selects(17));
    CHECK_THROWS_AS(SignalSelection("SIGNOTHING"), panda::UsageError);
    ReportOptions options;
    options.signals = SignalSelection("none");
    Lines lines(std::move(options));
    lines.guest.next = signal_with({10, 0, 0, 0, 42, 0});
    lines.function(shell, KernelFunction::get_signal);
    lines.function(shell, KernelFunction::dequeue_signal);
    CHECK(lines.text().empty());
}
