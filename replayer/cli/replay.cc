#include "replayer/cli/replay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "common/error.h"
#include "common/progress.h"
#include "recorder/cli/locate.h"
#include "recorder/cli/process.h"
#include "recorder/format/reader.h"
#include "replayer/cli/analyzers.h"
#include "replayer/cli/engine_command.h"
#include "replayer/cli/status.h"

namespace panda::replay {
namespace {

// Reads the engine's status until the engine has said everything or has ended.
void follow(int descriptor, StatusReader& status, Progress& progress, launch::StopSignals& signals) {
    while (true) {
        pollfd events[] = {{signals.descriptor(), POLLIN, 0}, {descriptor, POLLIN, 0}};
        if (::poll(events, std::size(events), -1) < 0 && errno != EINTR)
            throw Error("cannot wait for QEMU: " + errno_text(errno));
        signals.check();
        if (events[1].revents == 0)
            continue;
        char bytes[4096];
        const ssize_t got = ::read(descriptor, bytes, sizeof(bytes));
        if (got == 0)
            return;
        if (got > 0)
            status.feed({bytes, static_cast<size_t>(got)});
        else if (errno != EAGAIN && errno != EINTR)
            return;
        progress.update(status.instr());
    }
}

// Where the guest's output goes; no descriptor when it was not asked for.
launch::Descriptor open_serial(const Options& options) {
    if (options.serial.empty())
        return launch::Descriptor();
    const int descriptor = options.serial == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                                 : ::open(options.serial.c_str(),
                                                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        throw FileError(options.serial, errno_text(errno));
    return launch::Descriptor(descriptor);
}

// The engine's collectors walk tables of many megabytes at random and fill large buffers again and again.
// Huge pages, and keeping memory instead of returning it, saved 7 % of a full trace's time (glibc manual,
// "Memory Allocation Tunables"; glibc takes no larger threshold). What the user has set stays.
void tune_allocation() {
    ::setenv("GLIBC_TUNABLES",
             "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:"
             "glibc.malloc.trim_threshold=4294967296:glibc.malloc.top_pad=16777216",
             0);
}

int wait_for_end(launch::ChildProcess& child, launch::StopSignals& signals) {
    while (true) {
        if (const auto status = child.exit_status())
            return *status;
        pollfd events[] = {{signals.descriptor(), POLLIN, 0}, {child.descriptor(), POLLIN, 0}};
        ::poll(events, std::size(events), -1);
        signals.check();
    }
}

void summarize(const Options& options, const StatusReader& status, bool complete, double seconds) {
    std::fprintf(stderr, "%s: %llu instr replayed in %.1f s (%.0f M instr/s), no divergence%s\n",
                 options.recording.c_str(), static_cast<unsigned long long>(status.instr()), seconds,
                 seconds > 0 ? static_cast<double>(status.instr()) / seconds / 1e6 : 0.0,
                 complete ? "" : "; the recording was cut short and ends here");
}

}  // namespace

int replay_recording(Options options) {
    const std::string qemu = launch::find_qemu(options.qemu);
    const std::string engine = launch::find_engine("panda-replay.so");
    // A bad file is found here, where the message reaches the user as it is.
    const recording::RecordingReader recording(options.recording);

    std::optional<AnalyzerRun> analyzers;
    std::vector<int> inherited;
    if (!options.panda.empty()) {
        const Needs needs = needs_of(options);
        options.columns = needs.columns;
        options.registers = options.registers || needs.registers;
        analyzers.emplace(options);
        options.trace = "/dev/fd/" + std::to_string(analyzers->input());
        options.force = true;  // of the pipe
        inherited.push_back(analyzers->input());
    }
    launch::StopSignals signals;
    launch::SocketPair status_channel;
    const launch::Descriptor serial = open_serial(options);
    const Channels channels = {status_channel.theirs.get(), serial.get()};
    const auto begin = std::chrono::steady_clock::now();
    if (!options.trace.empty())
        tune_allocation();
    inherited.insert(inherited.end(), {channels.status, channels.serial});
    launch::ChildProcess child(engine_command(qemu, engine, recording.facts(), options, channels), inherited,
                               launch::ChildOutput::inherit);
    if (analyzers)
        analyzers->close_input();
    status_channel.theirs.reset();

    StatusReader status;
    Progress progress("replay", recording.last_position().instr, options.quiet || analyzers);
    follow(status_channel.ours.get(), status, progress, signals);
    progress.finish();
    const int exit_status = wait_for_end(child, signals);
    if (status.error())
        throw Error(*status.error());
    if (exit_status != 0 || !status.done())
        throw Error("QEMU ended before the replay did" +
                    (child.last_error_line().empty() ? "" : ": " + child.last_error_line()));
    if (!options.quiet) {
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        summarize(options, status, recording.complete(), seconds.count());
    }
    return analyzers ? analyzers->wait() : 0;
}

}  // namespace panda::replay
