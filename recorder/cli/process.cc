#include "recorder/cli/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace panda::launch {
namespace {

sigset_t stop_signal_set() {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, signal);
    return set;
}

[[noreturn]] void fail(const std::string& what) {
    throw Error(what + ": " + errno_text(errno));
}

// Runs in the child, between fork and exec, so it makes only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, std::span<const int> inherited, ChildOutput output,
                         int errors, pid_t parent) {
    const sigset_t set = stop_signal_set();
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    // The kernel kills the child when its parent dies. If the parent is already dead, the child must end by
    // itself.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    if (output == ChildOutput::discard)
        dup2(nothing, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    for (int descriptor : inherited)
        fcntl(descriptor, F_SETFD, 0);
    execv(arguments[0], arguments);
    const char* reason = strerror(errno);
    [[maybe_unused]] ssize_t written = write(STDERR_FILENO, reason, strlen(reason));
    _exit(127);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        reset();
        value_ = other.release();
    }
    return *this;
}

int Descriptor::release() {
    return std::exchange(value_, -1);
}

void Descriptor::reset() {
    if (value_ >= 0)
        ::close(std::exchange(value_, -1));
}

SocketPair::SocketPair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        fail("cannot make a socket");
    ours = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
}

Pipe::Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        fail("cannot make a pipe");
    ours = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(ours.get(), F_SETPIPE_SZ, 1 << 20);
}

Interrupted::Interrupted(int signal)
    : Error(std::string("stopped by ") + sigdescr_np(signal)), signal_(signal) {}

StopSignals::StopSignals() {
    const sigset_t set = stop_signal_set();
    sigprocmask(SIG_BLOCK, &set, nullptr);
    descriptor_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (descriptor_.get() < 0)
        fail("cannot watch for signals");
}

StopSignals::~StopSignals() {
    const sigset_t set = stop_signal_set();
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

void StopSignals::check() {
    signalfd_siginfo info;
    if (::read(descriptor_.get(), &info, sizeof(info)) == sizeof(info))
        throw Interrupted(static_cast<int>(info.ssi_signo));
}

ChildProcess::ChildProcess(const std::vector<std::string>& command, std::span<const int> inherited,
                           ChildOutput output)
    : errors_(::memfd_create("standard-error", MFD_CLOEXEC)) {
    if (errors_.get() < 0)
        fail("cannot make a memory file");
    ::fcntl(errors_.get(), F_SETFL, O_APPEND);
    std::vector<char*> arguments;
    for (const std::string& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        fail("cannot start " + command[0]);
    if (pid_ == 0)
        become(arguments.data(), inherited, output, errors_.get(), parent);
    // glibc 2.36 declares pidfd_open() without extern "C".
    pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

ChildProcess::~ChildProcess() {
    if (exit_status())
        return;
    kill(SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
}

std::optional<int> ChildProcess::exit_status() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
        status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return status_;
}

void ChildProcess::kill(int signal) {
    if (!exit_status())
        ::kill(pid_, signal);
}

std::string ChildProcess::last_error_line() const {
    constexpr off_t tail_size = 4096;
    struct stat info{};
    ::fstat(errors_.get(), &info);
    std::string text(static_cast<size_t>(std::min<off_t>(info.st_size, tail_size)), '\0');
    const ssize_t got =
        ::pread(errors_.get(), text.data(), text.size(), info.st_size - static_cast<off_t>(text.size()));
    text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    text.erase(0, text.rfind('\n') + 1);
    // QEMU starts its messages with its own name and, for options, repeats the option.
    if (const size_t colon = text.find("qemu-system-x86_64: "); colon != std::string::npos)
        text.erase(0, colon + std::strlen("qemu-system-x86_64: "));
    return text;
}

}  // namespace panda::launch
