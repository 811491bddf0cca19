// Measures how fast a trace is read. trace_read_bench TRACE [SEEKS [ROUNDS]] measures:
//   in processor time of one thread, a pass over blocks, one over registers alone if the trace has them, one
//   over the addresses of memory accesses, one over accesses with values, and one that keeps memory current;
//   in real time, ROUNDS times (3), the same passes on one thread and on as many as the machine has
//   processors, in turn;
//   SEEKS (200) seeks to random instrs with a read of 4 KiB of virtual memory, at a page that the chunk uses.
// ROUNDS below 0: only seeks.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/command_line.h"
#include "common/numbers.h"
#include "tests/bench/meanwhile.h"
#include "trace/moment/memory_at.h"
#include "trace/pass/memory_follower.h"
#include "trace/pass/pass.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/reader.h"
#include "trace/reading/register_cursor.h"

namespace {

using namespace panda;
using namespace panda::trace;

double thread_seconds() {
    timespec now;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double real_milliseconds(const std::chrono::steady_clock::time_point& since) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
}

struct Blocks {
    uint64_t instructions = 0;
    void on_block(const BlockExecution& block) { instructions += block.executed; }
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void on_event(const Event&) {}
};

struct Accesses : Blocks {
    uint64_t accesses = 0;
    void on_accesses(const BlockExecution&, std::span<const Access> part) { accesses += part.size(); }
};

struct Following : Blocks {
    explicit Following(MemoryFollower& memory) : follower(memory) {}
    MemoryFollower& follower;
    void begin_group(const AccessGroup& group, size_t first, size_t) { follower.begin_group(group, first); }
    void end_group() { follower.end_group(); }
    void on_accesses(const BlockExecution&, std::span<const Access> part) { follower.apply(part); }
    void on_event(const Event& event) { follower.apply(event); }
};

// Not inlined, because a pass should not depend on what else is measured.
template <CursorColumns columns, typename Visitor, typename Start>
[[gnu::noinline]] void measure(const char* what, TraceReader& reader, Visitor& visitor, const Start& start) {
    ChunkWalk walk(reader.blocks());
    const double begin = thread_seconds();
    for (size_t i = 0; i < reader.contents().chunks.size(); ++i) {
        const Chunk chunk = reader.chunk(i);
        start(chunk);
        walk.go<columns>(chunk, visitor);
    }
    const double seconds = thread_seconds() - begin;
    std::printf("%-28s %8.2f s %8.1f M instr/s\n", what, seconds,
                static_cast<double>(visitor.instructions) / seconds / 1e6);
}

// Analyzers that do next to nothing, so that the pass is measured.
struct CountingBlocks : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    uint64_t instructions = 0;
    void on_block(const BlockExecution& block) { instructions += block.executed; }
    void append(CountingBlocks&& next) { instructions += next.instructions; }
};
template <PassNeeds what>
struct Counting : CountingBlocks, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = what;
    uint64_t accesses = 0;
    void on_accesses(const BlockExecution&, std::span<const Access> part) { accesses += part.size(); }
    void append(Counting&& next) {
        instructions += next.instructions;
        accesses += next.accesses;
    }
};

// Seconds of a pass on this many threads.
template <typename Analyzer>
double pass_seconds(TraceReader& reader, unsigned threads) {
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run_pass(reader, {.threads = threads}, [](const PassState&) { return Analyzer(); });
    result.require_whole(reader);
    return real_milliseconds(begin) / 1000;
}

template <typename Analyzer>
void measure_threads(const char* what, TraceReader& reader, int rounds) {
    const unsigned threads = std::max(2u, std::thread::hardware_concurrency());
    std::vector<double> one;
    std::vector<double> many;
    std::vector<double> ratios;
    for (int i = 0; i < rounds; ++i) {
        one.push_back(pass_seconds<Analyzer>(reader, 1));
        many.push_back(pass_seconds<Analyzer>(reader, threads));
        ratios.push_back(one.back() / many.back());
    }
    const auto median = [](std::vector<double>& values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    };
    std::printf("%-28s %8.2f s on 1 thread, %.2f s on %u: %.2f times as fast\n", what, median(one),
                median(many), threads, median(ratios));
}

[[gnu::noinline]] void measure_registers(TraceReader& reader) {
    ChunkCursor cursor(reader.blocks());
    RegisterCursor registers;
    uint64_t executions = 0;
    double seconds = 0;
    for (size_t i = 0; i < reader.contents().chunks.size(); ++i) {
        const Chunk chunk = reader.chunk(i);
        std::vector<uint32_t> ids;
        cursor.start(chunk);
        for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next())
            if (step == ChunkCursor::Step::block)
                ids.push_back(cursor.block().id);
        const double begin = thread_seconds();
        registers.start(chunk);
        for (const uint32_t id : ids)
            registers.next(id);
        registers.check_end();
        seconds += thread_seconds() - begin;
        executions += ids.size();
    }
    std::printf("%-28s %8.2f s %8.1f ns an execution\n", "registers alone", seconds,
                seconds / static_cast<double>(executions) * 1e9);
}

void measure_passes(TraceReader& reader, bool with_values) {
    Blocks blocks;
    measure<CursorColumns::blocks>("blocks", reader, blocks, [](const Chunk&) {});
    if (reader.chunk(0).summary().registers)
        measure_registers(reader);
    if (!with_values)
        return;
    Accesses addresses, accesses;
    measure<CursorColumns::addresses>("addresses", reader, addresses, [](const Chunk&) {});
    measure<CursorColumns::memory>("memory accesses", reader, accesses, [](const Chunk&) {});
    MemoryFollower follower(reader.header(), reader.memory_maps());
    follower.restore(reader.memory_at(0));
    Following following(follower);
    measure<CursorColumns::memory>("memory kept current", reader, following,
                                   [&](const Chunk& chunk) { follower.start(chunk); });
}

void measure_all_threads(TraceReader& reader, int rounds) {
    measure_threads<CountingBlocks>("blocks, by run_pass", reader, rounds);
    measure_threads<Counting<PassNeeds::addresses>>("addresses, by run_pass", reader, rounds);
    measure_threads<Counting<PassNeeds::accesses>>("accesses, by run_pass", reader, rounds);
    measure_threads<Counting<PassNeeds::memory>>("memory current, by run_pass", reader, rounds);
}

// Virtual addresses that the trace uses near an instr: of the code, or of a store.
class AddressPicker {
  public:
    AddressPicker(TraceReader& reader, uint64_t seed) : reader_(reader), random_(seed) {}
    uint64_t at(uint64_t instr) {
        const auto& chunks = reader_.contents().chunks;
        const auto after =
            std::partition_point(chunks.begin(), chunks.end(),
                                 [instr](const ChunkEntry& entry) { return entry.first_instr <= instr; });
        const Chunk chunk = reader_.chunk(static_cast<size_t>(after - chunks.begin() - 1));
        const auto translations = chunk.translations();
        return translations.empty() ? 0 : translations[random_() % translations.size()].page * page_size;
    }

  private:
    TraceReader& reader_;
    std::mt19937_64 random_;
};

void measure_seeks(TraceReader& reader, int count) {
    std::mt19937_64 random(1);
    AddressPicker picker(reader, 2);
    std::vector<double> times;
    size_t read = 0;
    size_t decoded = 0;
    for (int i = 0; i < count; ++i) {
        const uint64_t first = reader.header().first_instr;
        const uint64_t instr = first + random() % (reader.end_instr() - first);
        const uint64_t address = picker.at(instr);
        const auto begin = std::chrono::steady_clock::now();
        const MemoryAt memory(reader, instr);
        Bytes page(page_size);
        read += memory.address_space().read(address, page) ? 1 : 0;
        times.push_back(real_milliseconds(begin));
        decoded += memory.chunks_decoded();
    }
    std::sort(times.begin(), times.end());
    std::printf(
        "%d seeks: median %.1f ms, p90 %.1f ms, max %.1f ms; %zu reads were of mapped memory; %.1f chunks "
        "decoded a seek\n",
        count, times[times.size() / 2], times[times.size() * 9 / 10], times.back(), read,
        static_cast<double>(decoded) / count);
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("trace_read_bench", [&] {
        if (argc < 2)
            throw UsageError("usage: trace_read_bench TRACE [SEEKS [ROUNDS]]");
        const int seeks = argc > 2 ? parse_number<int>("SEEKS", argv[2]) : 200;
        const int rounds = argc > 3 ? parse_number<int>("ROUNDS", argv[3]) : 3;
        const bench::Meanwhile meanwhile;
        TraceReader reader(argv[1]);
        reader.load_blocks();
        const bool with_values = reader.chunk(0).summary().memory == MemoryColumns::values;
        if (rounds >= 0)
            measure_passes(reader, with_values);
        if (rounds > 0 && with_values)
            measure_all_threads(reader, rounds);
        if (seeks > 0 && with_values)
            measure_seeks(reader, seeks);
        return exit_ok;
    });
}
