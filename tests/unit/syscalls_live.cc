// strace with this project's decoder: runs a program under ptrace and writes its calls to a file as strace -f
// -o does. With it the decoder is compared with the real strace without a guest (syscalls_live_test.sh).
//
// usage: syscalls_live OUTPUT COMMAND [ARGUMENT…]
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

#include "analyzers/syscalls/call_text.h"

namespace {

using namespace panda::syscalls;

class ProcessMemory final : public UserMemory {
  public:
    explicit ProcessMemory(pid_t pid) : pid_(pid) {}
    bool read(uint64_t address, std::span<std::byte> out) const override {
        iovec local{out.data(), out.size()};
        iovec remote{reinterpret_cast<void*>(address), out.size()};
        return process_vm_readv(pid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(out.size());
    }

  private:
    pid_t pid_;
};

struct Tracee {
    explicit Tracee(pid_t pid) : memory(pid) {}
    ProcessMemory memory;
    Call call;
    std::unique_ptr<CallText> text;
};

// PTRACE_GET_SYSCALL_INFO's structure (linux/ptrace.h), which the C library's header does not have
// everywhere.
struct SyscallInfo {
    uint8_t op;
    uint8_t padding[3];
    uint32_t arch;
    uint64_t pc;
    uint64_t sp;
    union {
        struct {
            uint64_t number;
            uint64_t arguments[6];
        } entry;
        struct {
            int64_t value;
            uint8_t is_error;
        } exit;
    };
};

void begin_call(Tracee& tracee, const SyscallInfo& info, const TextOptions& options) {
    constexpr uint32_t audit_arch_i386 = 0x40000003;
    tracee.call = {};
    tracee.call.abi = info.arch == audit_arch_i386 ? Abi::i386 : Abi::x86_64;
    tracee.call.number = info.entry.number;
    tracee.call.description = find_call(tracee.call.abi, info.entry.number);
    std::memcpy(tracee.call.arguments.data(), info.entry.arguments, sizeof info.entry.arguments);
    tracee.call.stack_pointer = info.sp;
    tracee.text = std::make_unique<CallText>(tracee.call, tracee.memory, options);
}

void end_call(FILE* out, pid_t pid, Tracee& tracee, Return result) {
    if (!tracee.text)
        return;
    tracee.text->finish(result);
    const std::string line =
        with_result(std::to_string(pid) + " " + tracee.text->whole(), tracee.text->result());
    std::fprintf(out, "%s\n", line.c_str());
    tracee.text.reset();
}

void run(FILE* out) {
    const TextOptions options;
    std::map<pid_t, Tracee> tracees;
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, __WALL); pid > 0; pid = waitpid(-1, &status, __WALL)) {
        Tracee& tracee = tracees.try_emplace(pid, pid).first->second;
        if (!WIFSTOPPED(status)) {
            end_call(out, pid, tracee, {Ending::gone, 0, 0});
            tracees.erase(pid);
            continue;
        }
        long signal = 0;
        const int stop = WSTOPSIG(status);
        if (stop == (SIGTRAP | 0x80)) {
            SyscallInfo info{};
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
            if (info.op == 1)
                begin_call(tracee, info, options);
            else if (info.op == 2)
                end_call(out, pid, tracee, {Ending::returned, info.exit.value, 0});
        } else if (status >> 16 == 0 && stop != SIGSTOP && stop != SIGTRAP) {
            signal = stop;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, signal);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3)
        return 2;
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    FILE* out = std::fopen(argv[1], "w");
    int status = 0;
    if (out == nullptr || waitpid(child, &status, 0) != child)
        return 1;
    ptrace(PTRACE_SETOPTIONS, child, 0,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
               PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_SYSCALL, child, 0, 0);
    run(out);
    std::fclose(out);
}
