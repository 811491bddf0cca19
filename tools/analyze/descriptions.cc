#include "tools/analyze/descriptions.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace panda::analyze {
namespace {

constexpr size_t longest_line = 200;  // bytes

// The line in what a program wrote; empty when that is not one printable line.
std::string only_line(std::string text) {
    if (text.ends_with('\n'))
        text.pop_back();
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (text.size() > longest_line || std::any_of(text.begin(), text.end(), is_control))
        return {};
    return text;
}

// A program that has been asked, until it has ended or this is destroyed.
class Question {
  public:
    explicit Question(const std::string& path) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return;
        pipe_ = ends[0];
        ::fcntl(pipe_, F_SETFL, O_NONBLOCK);
        start(path, ends[1]);
        ::close(ends[1]);
        pidfd_ = pid_ > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)) : -1;
    }
    ~Question() {
        if (pid_ > 0) {
            // Not reaped yet, so the number of its session is still its own.
            ::kill(-pid_, SIGKILL);
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, WNOHANG);
        }
        close_pipe();
        if (pidfd_ >= 0)
            ::close(pidfd_);
    }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    bool waiting() const { return pidfd_ >= 0 && !ended_; }
    // Readable when there is something to do: the end of the program, and what it writes (-1: no more).
    int end_descriptor() const { return pidfd_; }
    int output_descriptor() const { return pipe_; }

    void read_output() {
        std::array<char, 4096> piece{};
        ssize_t size = 0;
        while (pipe_ >= 0 && (size = ::read(pipe_, piece.data(), piece.size())) > 0) {
            text_.append(piece.data(), static_cast<size_t>(size));
            if (text_.size() > longest_line + 1)
                close_pipe();  // a program that writes on is ended by that
        }
        if (size == 0)
            close_pipe();
    }
    void note_end() {
        read_output();
        ended_ = true;
    }
    std::string answer() const {
        siginfo_t end{};
        const bool known =
            ended_ && ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) == 0;
        return known && end.si_code == CLD_EXITED && end.si_status == 0 ? only_line(text_) : std::string();
    }

  private:
    void start(const std::string& path, int output) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        sigset_t defaults;
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE);  // run_main ignores it
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
        std::string option = "--describe";
        std::string name = path;
        const std::array<char*, 3> arguments{name.data(), option.data(), nullptr};
        if (::posix_spawn(&pid_, path.c_str(), &actions, &attributes, arguments.data(), environ) != 0)
            pid_ = -1;
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
    }
    void close_pipe() {
        if (pipe_ >= 0)
            ::close(pipe_);
        pipe_ = -1;
    }

    pid_t pid_ = -1;
    int pidfd_ = -1;
    int pipe_ = -1;
    bool ended_ = false;
    std::string text_;
};

// Waits for anything of any of them to happen, and notes it. False when nothing did within the time.
bool wait_for_news(const std::vector<std::unique_ptr<Question>>& questions, std::chrono::milliseconds time) {
    std::vector<pollfd> places;
    for (const auto& question : questions) {
        const bool waiting = question->waiting();
        places.push_back({waiting ? question->end_descriptor() : -1, POLLIN, 0});
        places.push_back({waiting ? question->output_descriptor() : -1, POLLIN, 0});
    }
    if (::poll(places.data(), places.size(), static_cast<int>(time.count())) <= 0)
        return false;
    for (size_t number = 0; number < questions.size(); ++number) {
        if (places[2 * number + 1].revents != 0)
            questions[number]->read_output();
        if (places[2 * number].revents != 0)
            questions[number]->note_end();
    }
    return true;
}

}  // namespace

std::vector<std::string> describe(const std::vector<Program>& programs, std::chrono::milliseconds limit) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + limit;
    std::vector<std::unique_ptr<Question>> questions;
    for (const Program& program : programs)
        questions.push_back(std::make_unique<Question>(program.path));
    const auto waiting = [](const auto& question) { return question->waiting(); };
    while (std::any_of(questions.begin(), questions.end(), waiting)) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0 || !wait_for_news(questions, left))
            break;
    }
    std::vector<std::string> answers;
    for (const auto& question : questions)
        answers.push_back(question->answer());
    return answers;
}

}  // namespace panda::analyze
