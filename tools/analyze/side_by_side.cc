#include "tools/analyze/side_by_side.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "common/error.h"

namespace panda::analyze {
namespace {

constexpr size_t piece_size = 1 << 20;
// How far the fastest analyzer may be ahead of the slowest, in pieces.
constexpr size_t most_pieces = 64;

using Piece = std::shared_ptr<const std::vector<char>>;

class Descriptor {
  public:
    explicit Descriptor(int value = -1) : value_(value) {}
    Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Descriptor() { reset(); }
    void reset() {
        if (value_ >= 0)
            ::close(std::exchange(value_, -1));
    }
    int get() const { return value_; }
    bool open() const { return value_ >= 0; }

  private:
    int value_;
};

[[noreturn]] void fail(const std::string& what) {
    throw Error(what + ": " + errno_text(errno));
}

Descriptor memory_file(const char* name) {
    Descriptor file(::memfd_create(name, MFD_CLOEXEC));
    if (!file.open())
        fail("cannot make a memory file");
    return file;
}

// Copies a file from its start to a descriptor.
void copy_out(const Descriptor& file, int to) {
    std::vector<char> buffer(piece_size);
    off_t at = 0;
    for (ssize_t got; (got = ::pread(file.get(), buffer.data(), buffer.size(), at)) > 0; at += got)
        for (ssize_t done = 0; done < got;) {
            const ssize_t wrote = ::write(to, buffer.data() + done, static_cast<size_t>(got - done));
            if (wrote < 0 && errno != EINTR)
                fail("cannot write to standard output");
            done += std::max<ssize_t>(wrote, 0);
        }
}

// An analyzer that runs. It is killed if it still does when this ends.
class Running {
  public:
    Running(std::string name, Descriptor output)
        : name_(std::move(name)), output_(std::move(output)), errors_(memory_file("standard-error")) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        if (pid_ > 0 && !status_) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }

    // with_input: it reads a pipe that feed() fills, else nothing.
    void start(const std::string& program, const std::vector<std::string>& arguments, bool with_input) {
        int ends[2] = {-1, -1};
        if (with_input && ::pipe2(ends, O_CLOEXEC) != 0)
            fail("cannot make a pipe");
        const Descriptor theirs(ends[0]);
        input_ = Descriptor(ends[1]);
        std::vector<char*> words = {const_cast<char*>(program.c_str())};
        for (const std::string& argument : arguments)
            words.push_back(const_cast<char*>(argument.c_str()));
        words.push_back(nullptr);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0)
            fail("cannot start " + program);
        if (pid_ == 0)
            become(words.data(), theirs.get(), parent);
        if (!with_input)
            return;
        ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
        ::fcntl(input_.get(), F_SETPIPE_SZ, static_cast<int>(piece_size));
    }

    bool wants_more() const { return input_.open(); }
    bool full() const { return queue_.size() >= most_pieces; }
    bool has_work() const { return input_.open() && !queue_.empty(); }
    int input() const { return input_.get(); }
    uint64_t fed() const { return fed_; }
    const std::string& name() const { return name_; }
    const Descriptor& output() const { return output_; }
    const Descriptor& errors() const { return errors_; }

    void give(const Piece& piece) {
        if (input_.open())
            queue_.push_back(piece);
    }
    // Writes what the pipe takes. An analyzer that has ended wants nothing more.
    void feed() {
        while (has_work()) {
            const std::vector<char>& piece = *queue_.front();
            const ssize_t wrote = ::write(input_.get(), piece.data() + offset_, piece.size() - offset_);
            if (wrote < 0) {
                if (errno != EAGAIN && errno != EINTR)
                    stop_feeding();
                return;
            }
            fed_ += static_cast<uint64_t>(wrote);
            offset_ += static_cast<size_t>(wrote);
            if (offset_ == piece.size()) {
                queue_.pop_front();
                offset_ = 0;
            }
        }
    }
    void stop_feeding() {
        input_.reset();
        queue_.clear();
    }
    // Its exit status, or 128 + N after signal N.
    int wait() {
        int status = 0;
        while (!status_ && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        if (!status_)
            status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        return *status_;
    }

  private:
    // In the child, between fork and exec, so it makes only async-signal-safe calls.
    [[noreturn]] void become(char* const* words, int input, pid_t parent) const {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(127);
        ::signal(SIGPIPE, SIG_DFL);
        ::dup2(input >= 0 ? input : ::open("/dev/null", O_RDONLY), STDIN_FILENO);
        ::dup2(output_.get(), STDOUT_FILENO);
        ::dup2(errors_.get(), STDERR_FILENO);
        ::execv(words[0], words);
        ::_exit(127);
    }

    std::string name_;
    Descriptor output_;
    Descriptor errors_;
    Descriptor input_;
    pid_t pid_ = -1;
    std::optional<int> status_;
    std::deque<Piece> queue_;
    size_t offset_ = 0;  // in its first piece
    uint64_t fed_ = 0;   // bytes
};

using Analyzers = std::vector<std::unique_ptr<Running>>;

// A line on a terminal: how much each analyzer has read.
class FeedProgress {
  public:
    explicit FeedProgress(bool quiet) : active_(!quiet && ::isatty(STDERR_FILENO) != 0) {}
    ~FeedProgress() {
        if (drawn_)
            std::fputs("\r\033[K", stderr);
    }
    void show(const Analyzers& analyzers) {
        const auto now = std::chrono::steady_clock::now();
        if (!active_ || now - last_ < std::chrono::milliseconds(200))
            return;
        last_ = now;
        std::string line;
        for (const auto& analyzer : analyzers)
            line += (line.empty() ? "" : "  ") + analyzer->name() + " " +
                    (analyzer->wants_more() ? std::to_string(analyzer->fed() >> 20) + " MiB" : "done");
        std::fprintf(stderr, "\r\033[K%.150s", line.c_str());
        drawn_ = true;
    }

  private:
    bool active_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point last_{};
};

// The next piece of the stream; empty at its end.
Piece read_piece(int source) {
    std::vector<char> bytes(piece_size);
    const ssize_t got = ::read(source, bytes.data(), bytes.size());
    if (got < 0 && errno != EINTR)
        throw FileError("standard input", errno_text(errno));
    if (got < 0)
        return nullptr;
    bytes.resize(static_cast<size_t>(got));
    return std::make_shared<const std::vector<char>>(std::move(bytes));
}

// Copies the stream to all analyzers, each as fast as it reads, within limits.
void feed_all(int source, const Analyzers& analyzers, FeedProgress& progress) {
    bool ended = false;
    while (true) {
        std::vector<pollfd> events;
        const bool room =
            std::none_of(analyzers.begin(), analyzers.end(), [](const auto& one) { return one->full(); });
        events.push_back({!ended && room ? source : -1, POLLIN, 0});
        for (const auto& analyzer : analyzers)
            events.push_back({analyzer->has_work() ? analyzer->input() : -1, POLLOUT, 0});
        if (std::all_of(events.begin(), events.end(), [](const pollfd& one) { return one.fd < 0; }))
            return;
        if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
            fail("cannot wait for analyzers");
        if (events[0].revents != 0)
            if (const Piece piece = read_piece(source)) {
                ended = piece->empty();
                for (const auto& analyzer : analyzers)
                    if (!ended)
                        analyzer->give(piece);
            }
        for (size_t i = 0; i < analyzers.size(); ++i) {
            if (events[i + 1].revents != 0)
                analyzers[i]->feed();
            if (ended && !analyzers[i]->has_work())
                analyzers[i]->stop_feeding();
        }
        progress.show(analyzers);
    }
}

Descriptor open_results(const std::string& directory, const std::string& name, unsigned number) {
    if (directory.empty())
        return memory_file("standard-output");
    std::filesystem::create_directories(directory);
    const std::string path =
        directory + "/" + name + (number == 1 ? "" : "." + std::to_string(number)) + ".out";
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file.open())
        throw FileError(path, errno_text(errno));
    return file;
}

}  // namespace

std::string needs_of(const std::vector<Request>& requests, const std::vector<std::string>& programs) {
    static const std::vector<std::string> columns = {"blocks", "memory", "full"};
    size_t most = 0;
    bool registers = false;
    for (size_t i = 0; i < requests.size(); ++i) {
        Running asked(requests[i].name, memory_file("needs"));
        std::vector<std::string> arguments = requests[i].arguments;
        arguments.insert(arguments.end(), {"--needs", "-"});
        asked.start(programs[i], arguments, false);
        std::string answer(100, '\0');
        const bool answered = asked.wait() == 0;
        answer.resize(static_cast<size_t>(
            std::max<ssize_t>(::pread(asked.output().get(), answer.data(), answer.size(), 0), 0)));
        answer = answer.substr(0, answer.find('\n'));
        const std::string column = answer.substr(0, answer.find(' '));
        const auto found = std::find(columns.begin(), columns.end(), column);
        most = std::max<size_t>(most, answered && found != columns.end()
                                          ? static_cast<size_t>(found - columns.begin())
                                          : columns.size() - 1);
        registers = registers || (answered && answer.ends_with(" registers"));
    }
    return columns[most] + (registers ? " registers" : "");
}

int run_side_by_side(const std::vector<Request>& requests, const std::vector<std::string>& programs,
                     const SideBySide& options) {
    const bool stream = options.trace == "-";
    Analyzers analyzers;
    std::map<std::string, unsigned> numbers;
    for (size_t i = 0; i < requests.size(); ++i) {
        const std::string& name = requests[i].name;
        analyzers.push_back(
            std::make_unique<Running>(name, open_results(options.results, name, ++numbers[name])));
        std::vector<std::string> arguments = requests[i].arguments;
        arguments.push_back(options.trace);
        analyzers.back()->start(programs[i], arguments, stream);
    }
    if (stream) {
        FeedProgress progress(options.quiet);
        feed_all(STDIN_FILENO, analyzers, progress);
    }
    int highest = 0;
    for (const auto& analyzer : analyzers) {
        const int status = analyzer->wait();
        highest = std::max(highest, status);
        if (options.results.empty()) {
            if (analyzers.size() > 1) {
                std::cout << "==> " << analyzer->name() << " <==" << std::endl;
            }
            copy_out(analyzer->output(), STDOUT_FILENO);
        }
        copy_out(analyzer->errors(), STDERR_FILENO);
        if (!options.quiet || status != 0)
            std::cerr << "panda-analyze: " << analyzer->name() << ": exit status " << status << "\n";
    }
    return highest;
}

}  // namespace panda::analyze
