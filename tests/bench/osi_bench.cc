// What introspection costs:
//
//     osi_bench list TRACE [INSTR]
//         to list the processes with all mappings and open files, at one instr, once memory is there: the
//         median of many runs, in real time
//     osi_bench follow TRACE [ROUNDS]
//         to follow all task changes, compared with the plain pass that keeps memory current: in turn, in
//         processor time of the one thread
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "common/numbers.h"
#include "osi/event_follower.h"
#include "osi/linux/select.h"
#include "tests/bench/meanwhile.h"
#include "trace/moment/moment.h"

namespace {

using namespace panda;

constexpr int list_rounds = 50;

double thread_seconds() {
    timespec now;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

osi::OpenProvider opener(const std::string& path) {
    return [path](const osi::Point& point) {
        return std::make_shared<const osi::linux_guest::OsiLinux>(
            osi::linux_guest::open_unknown_kernel(nullptr, point, path));
    };
}

int measure_list(const std::string& path, std::optional<uint64_t> instr) {
    trace::TraceReader reader(path);
    const trace::Moment moment(reader, instr, trace::MomentReads::most);
    const osi::Point point{&moment.memory(), &moment.cpu()};
    const auto provider = opener(path)(point);
    std::vector<double> times;
    size_t processes = 0;
    size_t mappings = 0;
    size_t files = 0;
    for (int round = 0; round < list_rounds; ++round) {
        processes = mappings = files = 0;
        const auto begin = std::chrono::steady_clock::now();
        for (const osi::Process& process : provider->processes(point).entries) {
            ++processes;
            mappings += provider->mappings(point, process.handle).entries.size();
            files += provider->files(point, process.handle).entries.size();
        }
        times.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::printf("%zu processes, %zu mappings, %zu files: %.2f ms\n", processes, mappings, files,
                median(times));
    return exit_ok;
}

// Analyzers of trace/pass/pass.h: the plain pass.
struct Nothing : trace::IgnoresEvents, trace::IgnoresAccesses {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    uint64_t blocks = 0;
    void on_block(const trace::BlockExecution&) { ++blocks; }
    void append(Nothing&&) {}
};

struct CountChanges final : osi::EventListener {
    uint64_t changes = 0;
    uint64_t processes = 0;
    void on_task_change(const osi::EventPoint&, const osi::Thread&) override { ++changes; }
    void on_new_process(const osi::EventPoint&, const osi::Process&) override { ++processes; }
};

int measure_follow(const std::string& path, int rounds) {
    std::vector<double> plain;
    std::vector<double> followed;
    std::vector<double> ratios;
    trace::PassOptions options;
    options.threads = 1;
    CountChanges listener;
    for (int round = 0; round < rounds; ++round) {
        trace::TraceReader reader(path);
        reader.load_blocks();
        const auto provider = osi::find_in_snapshots(reader, 0, opener(path));
        double begin = thread_seconds();
        trace::run_pass(reader, options, [](const trace::PassState&) { return Nothing(); });
        plain.push_back(thread_seconds() - begin);
        listener = {};
        begin = thread_seconds();
        const auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
            return osi::EventFollower(state, listener, {provider, {}});
        });
        followed.push_back(thread_seconds() - begin);
        result.analyzer.require_started();
        ratios.push_back(followed.back() / plain.back());
        std::printf("plain %.2f s, following %.2f s: %.3f\n", plain.back(), followed.back(), ratios.back());
    }
    std::printf("%llu task changes, %llu new processes; median plain %.2f s, following %.2f s, ratio %.3f\n",
                static_cast<unsigned long long>(listener.changes),
                static_cast<unsigned long long>(listener.processes), median(plain), median(followed),
                median(ratios));
    return exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("osi_bench", [&] {
        const bench::Meanwhile meanwhile;
        const std::string what = count > 2 ? arguments[1] : "";
        if (what == "list")
            return measure_list(
                arguments[2], count > 3 ? std::optional(parse_number("INSTR", arguments[3])) : std::nullopt);
        if (what == "follow")
            return measure_follow(arguments[2], count > 3 ? parse_number<int>("ROUNDS", arguments[3]) : 3);
        throw UsageError("usage: osi_bench list TRACE [INSTR] | follow TRACE [ROUNDS]");
    });
}
