// Measures passes by tap point, in processor time of one thread. usage: taps_bench TRACE [FROM:TO [ROUNDS]]
//
// Interleaved, ROUNDS times (3): a pass over accesses, one that follows stacks, one that tells the values of loads, and those of
// tapindex, unigrams, stringsearch (four strings) and memstrings. The best of the rounds is printed.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <functional>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/strings/string_search.h"
#include "analyzers/strings/text_runs.h"
#include "analyzers/taps/byte_counts.h"
#include "analyzers/taps/tap_pass.h"
#include "common/command_line.h"
#include "common/numbers.h"
#include "tests/bench/meanwhile.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace;

double thread_seconds() {
    timespec now;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Accesses : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::accesses;
    uint64_t count = 0;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) { count += accesses.size(); }
    void append(Accesses&&) {}
};

struct Stacks : IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::accesses;
    explicit Stacks(const PassState& state) : follower(state) {}
    callstack::StackFollower follower;
    void on_block(const BlockExecution& block) { follower.on_block(block); }
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        follower.on_accesses(block, accesses);
    }
    void on_event(const Event& event) { follower.on_event(event); }
    void append(Stacks&&) {}
};

struct Values : Accesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    uint64_t sum = 0;
    void on_values(const BlockExecution&, std::span<const Access> accesses) {
        for (const Access& access : accesses)
            sum += access.value;
    }
    void append(Values&&) {}
};

struct Sizes {
    static constexpr auto wants = taps::Wants::sizes;
    uint64_t sum = 0;
    void take(const taps::TapAccess& access) { sum += access.size() + access.tap; }
};

struct Unigrams {
    static constexpr auto wants = taps::Wants::values;
    void take(const taps::TapAccess& access) { (access.write ? writes : reads).add(access); }
    taps::ByteCounts reads;
    taps::ByteCounts writes;
};

// A pass with this name.
struct Measured {
    const char* name;
    std::function<void()> run;
    double best = 1e9;
};

template <typename Sink>
void pass(TraceReader& reader, const PassOptions& options, Sink& sink) {
    taps::TapNumbers numbers;
    run_pass(reader, options, [&](const PassState& state) {
        if constexpr (Sink::wants == taps::Wants::values)
            return taps::ValueTaps<Sink>(state, numbers, sink);
        else
            return taps::AccessTaps<Sink>(state, numbers, sink);
    });
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("taps_bench", [&] {
        if (argc < 2)
            throw UsageError("usage: taps_bench TRACE [FROM:TO [ROUNDS]]");
        const bench::Meanwhile meanwhile;
        TraceReader reader(argv[1]);
        PassOptions options;
        options.threads = 1;
        if (argc > 2) {
            const NumberRange range = parse_range("FROM:TO", argv[2]);
            options.range = {range.from, range.to};
        }
        const int rounds = argc > 3 ? parse_number<int>("ROUNDS", argv[3]) : 3;
        const uint64_t end = std::min(options.range.to, reader.end_instr());
        const auto instructions = static_cast<double>(end - std::min(end, options.range.from));
        const strings::PatternSet strings({"password", "GET / HTTP", "root:x:0:0", "BEGIN PRIVATE KEY"});
        std::array<Measured, 7> all = {{
            {"accesses", [&] { run_pass(reader, options, [](const PassState&) { return Accesses(); }); }},
            {"and stacks",
             [&] { run_pass(reader, options, [](const PassState& state) { return Stacks(state); }); }},
            {"values of loads",
             [&] { run_pass(reader, options, [](const PassState&) { return Values(); }); }},
            {"tapindex",
             [&] {
                 Sizes sink;
                 pass(reader, options, sink);
             }},
            {"unigrams",
             [&] {
                 Unigrams sink;
                 pass(reader, options, sink);
             }},
            {"stringsearch",
             [&] {
                 strings::StringSearch sink(strings, [](const strings::StringMatch&) {});
                 pass(reader, options, sink);
             }},
            {"memstrings",
             [&] {
                 strings::TextRuns sink(4, [](const strings::TextRun&) {});
                 pass(reader, options, sink);
             }},
        }};
        for (int round = 0; round < rounds; ++round)
            for (Measured& one : all) {
                const double begin = thread_seconds();
                one.run();
                one.best = std::min(one.best, thread_seconds() - begin);
            }
        for (const Measured& one : all)
            std::printf("%-20s %8.2f s %8.1f M instr/s\n", one.name, one.best, instructions / one.best / 1e6);
        return exit_ok;
    });
}
