// Measures how long taint takes over a trace, against the pass that only keeps memory current: with nothing tainted, and
// with what is read of a file labelled. The three go in turn, so that a busy machine slows all of them.
//
//     taint_bench TRACE [FILE [ROUNDS]]     FILE: as panda-analyze taint --file has it
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "analyzers/syscalls/open_kernel.h"
#include "analyzers/taint/sources.h"
#include "common/command_line.h"
#include "common/numbers.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;

struct OnlyMemory : trace::IgnoresEvents, trace::IgnoresAccesses {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    void on_block(const trace::BlockExecution& block) { instructions += block.executed; }
    void append(OnlyMemory&&) {}
    uint64_t instructions = 0;
};

struct Measured {
    uint64_t instructions = 0;
    uint64_t interpreted = 0;
    uint64_t tainted_pages = 0;
    double seconds = 0;
};

template <typename Run>
Measured timed(const Run& run) {
    const auto begin = std::chrono::steady_clock::now();
    Measured measured = run();
    measured.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return measured;
}

Measured memory_pass(const std::string& path) {
    trace::TraceReader reader(path);
    const auto result =
        trace::run_pass(reader, {.threads = 1}, [](const trace::PassState&) { return OnlyMemory(); });
    return {result.analyzer.instructions};
}

Measured taint_pass(const std::string& path, const std::string& file) {
    trace::TraceReader reader(path, {.tcg = true});
    taint::TaintPass pass(reader, {}, {});
    taint::SourceOptions options;
    if (!file.empty())
        options.files = {file};
    taint::Sources sources(pass, options);
    syscalls::SystemCallPass over{.open_kernel = syscalls::kernel_opener("", "", path),
                                  .set_up =
                                      [&](syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
                                          pass.set_guest(guest);
                                          sources.attach(tracker, guest);
                                      },
                                  .progress = {},
                                  .observer = &pass,
                                  .from_start = true,
                                  .without_kernel = file.empty()};
    syscalls::run_system_call_pass(reader, over);
    return {reader.end_instr() - reader.header().first_instr, pass.interpreted(),
            pass.engine() == nullptr ? 0 : pass.engine()->memory().most_pages()};
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("taint_bench", [&] {
        if (count < 2)
            throw UsageError("usage: taint_bench TRACE [FILE [ROUNDS]]");
        const std::string path = arguments[1];
        const std::string file = count > 2 ? arguments[2] : "";
        const unsigned rounds = count > 3 ? parse_number<unsigned>("ROUNDS", arguments[3]) : 3;
        struct Way {
            const char* name;
            std::function<Measured()> run;
            double best = 1e9;
            Measured last{};
        };
        std::vector<Way> ways = {{"memory kept current", [&] { return memory_pass(path); }},
                                 {"nothing tainted", [&] { return taint_pass(path, ""); }}};
        if (!file.empty())
            ways.push_back({"a file labelled", [&] { return taint_pass(path, file); }});
        for (unsigned round = 0; round < rounds; ++round) {
            for (Way& way : ways) {
                way.last = timed(way.run);
                way.best = std::min(way.best, way.last.seconds);
            }
        }
        for (const Way& way : ways)
            std::printf(
                "%-20s %8.2f s  %8.1f M instr/s  %5.2f times  %12llu interpreted  %6llu pages of shadow\n",
                way.name, way.best, static_cast<double>(way.last.instructions) / way.best / 1e6,
                way.best / ways[0].best, static_cast<unsigned long long>(way.last.interpreted),
                static_cast<unsigned long long>(way.last.tainted_pages));
        return 0;
    });
}
