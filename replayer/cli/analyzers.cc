#include "replayer/cli/analyzers.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include "common/command_line.h"
#include "common/error.h"

namespace panda::replay {
namespace {

std::vector<std::string> command_of(const Options& options) {
    return {executable_directory() + "/panda-analyze", "--panda", options.panda};
}

// Starts a program whose standard input or output is the end of a pipe.
pid_t start(const std::vector<std::string>& command, int theirs, int stands_for) {
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw Error("cannot start " + command[0] + ": " + errno_text(errno));
    if (pid > 0)
        return pid;
    // In the child, between fork and exec, so only async-signal-safe calls.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(127);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(theirs, stands_for);
    ::execv(words[0], words.data());
    ::_exit(127);
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct BlockingPipe {
    BlockingPipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw Error("cannot make a pipe: " + errno_text(errno));
        read = launch::Descriptor(ends[0]);
        write = launch::Descriptor(ends[1]);
    }
    launch::Descriptor read;
    launch::Descriptor write;
};

}  // namespace

Needs needs_of(const Options& options) {
    BlockingPipe pipe;
    std::vector<std::string> command = command_of(options);
    command.emplace_back("--needs");
    const pid_t pid = start(command, pipe.write.get(), STDOUT_FILENO);
    pipe.write.reset();
    std::string answer;
    char bytes[256];
    for (ssize_t got;
         (got = ::read(pipe.read.get(), bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR);)
        if (got > 0 && answer.size() < sizeof bytes)
            answer.append(bytes, static_cast<size_t>(got));
    // It has said why itself.
    if (wait_for(pid) != 0)
        throw UsageError("--panda: see above");
    answer = answer.substr(0, answer.find('\n'));
    return {answer.substr(0, answer.find(' ')), answer.ends_with(" registers")};
}

AnalyzerRun::AnalyzerRun(const Options& options) {
    std::vector<std::string> command = command_of(options);
    if (!options.results.empty())
        command.insert(command.end(), {"--results", options.results});
    if (options.quiet)
        command.emplace_back("--quiet");
    command.emplace_back("-");
    BlockingPipe pipe;
    pid_ = start(command, pipe.read.get(), STDIN_FILENO);
    input_ = std::move(pipe.write);
    ::fcntl(input_.get(), F_SETPIPE_SZ, 1 << 20);
}

AnalyzerRun::~AnalyzerRun() {
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
}

int AnalyzerRun::wait() {
    return wait_for(std::exchange(pid_, -1));
}

}  // namespace panda::replay
