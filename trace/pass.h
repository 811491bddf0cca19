// The analyzer contract: how an analysis goes over a trace, in order or in parallel.
//
// An analyzer is a class of any name. One object of it sees one shard, a stretch of the trace, on one thread:
//
//     struct CountInterrupts {
//         explicit CountInterrupts(const PassState& state);   // the machine as the pass goes on; or no
//         constructor void on_block(const BlockExecution& block);         // every execution void
//         on_event(const Event& event);                  // may be left out void append(CountInterrupts&&
//         next);                // the results of the shard that follows this one
//     };
//
//     TraceReader reader(path);
//     const auto [interrupts, flaw] = run_pass(reader, {}, [](const PassState& state) { return
//     CountInterrupts(state); });
//
// Callbacks come in the order of time. An event in the middle of a block comes after on_block of that block,
// and with state() as it is then. Nothing is shared between shards but what the factory captures, so there
// are no locks; the results are put together in order. A shard sees nothing of the shards before it: what was
// already going on at its begin is the state's to tell.
//
// A trace from a pipe is one shard. Of a file, chunks outside of the range, and those that `select` declines,
// are not even decompressed.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "trace/pass_state.h"
#include "trace/reader.h"
#include "trace/shard_runner.h"

namespace panda::trace {

struct PassOptions {
    InstrRange range = {};
    unsigned threads = 0;  // 0: as many as the machine runs at once
    // False for a chunk that cannot matter. Called from several threads.
    std::function<bool(const ChunkSummary&)> select = {};
    // Told the instructions gone by, of the whole range; one call at a time, from any of the pass's threads.
    std::function<void(uint64_t)> progress = {};
};

template <typename Analyzer>
struct PassResult {
    Analyzer analyzer;
    std::string flaw;  // why the trace ended before the range did; empty when it did not

    // Throws FileError when there was a flaw.
    void require_whole(const TraceReader& reader) const {
        if (!flaw.empty())
            throw FileError(reader.path(), flaw);
    }
};

// Instructions that a pass over this range goes through; 0 when it is not known (a pipe). For a progress bar.
uint64_t pass_length(TraceReader& reader, const InstrRange& range);

// How a file is divided: chunks [first, last), in order.
struct Shard {
    size_t first = 0;
    size_t last = 0;
};
std::vector<Shard> plan_shards(TraceReader& reader, const InstrRange& range, unsigned threads);

// Runs work(shard number) for all of `count` shards on `threads` threads. After a failure no new shard is
// begun, and the first failure is thrown.
void run_shards(size_t count, unsigned threads, const std::function<void(size_t)>& work);

// Counts what has gone by in all threads.
class PassProgress {
  public:
    explicit PassProgress(std::function<void(uint64_t)> report) : report_(std::move(report)) {}
    void add(uint64_t instructions);

  private:
    std::mutex mutex_;
    std::function<void(uint64_t)> report_;
    uint64_t done_ = 0;
};

// One shard of a file.
template <typename Analyzer, typename Make>
Analyzer run_shard(TraceReader& reader, std::mutex& reader_mutex, const Shard& shard,
                   const PassOptions& options, const Make& make, PassProgress& progress) {
    PassState state(reader.header(), reader.blocks());
    Analyzer analyzer = make(std::as_const(state));
    ShardRunner<Analyzer> runner(options.range, state, analyzer);
    for (size_t number = shard.first; number < shard.last; ++number) {
        const Chunk chunk = [&] {
            const std::lock_guard lock(reader_mutex);
            return reader.chunk(number);
        }();
        if (!options.select || options.select(chunk.summary()))
            runner.take(chunk);
        progress.add(chunk.summary().instr_count);
    }
    runner.finish();
    return analyzer;
}

// A trace from a pipe, from where the reader is.
template <typename Analyzer, typename Make>
PassResult<Analyzer> run_pipe(TraceReader& reader, const PassOptions& options, const Make& make,
                              PassProgress& progress) {
    PassState state(reader.header(), reader.blocks());
    Analyzer analyzer = make(std::as_const(state));
    ShardRunner<Analyzer> runner(options.range, state, analyzer);
    while (const auto item = reader.next()) {
        const auto* chunk = std::get_if<Chunk>(&*item);
        if (chunk == nullptr)
            continue;
        if (options.range.overlaps(chunk->summary()) && (!options.select || options.select(chunk->summary())))
            runner.take(*chunk);
        progress.add(chunk->summary().instr_count);
        if (chunk->summary().first_instr >= options.range.to)
            return {std::move(analyzer), {}};  // whatever follows
    }
    runner.finish();
    return {std::move(analyzer), reader.flaw()};
}

// make: from a const PassState& an analyzer. Returns the analyzer of the first shard, to which the others
// were appended. Throws FileError for a damaged trace. One that was cut short is gone through as far as it
// goes: show the results, then call require_whole().
template <typename Make>
auto run_pass(TraceReader& reader, const PassOptions& options, const Make& make) {
    using Analyzer = decltype(make(std::declval<const PassState&>()));
    PassProgress progress(options.progress);
    if (!reader.seekable())
        return run_pipe<Analyzer>(reader, options, make, progress);
    reader.load_blocks();  // threads share the table, which must not grow then
    const unsigned threads = options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
    const std::vector<Shard> shards = plan_shards(reader, options.range, threads);
    std::vector<std::optional<Analyzer>> results(shards.size());
    std::mutex reader_mutex;
    run_shards(shards.size(), threads, [&](size_t number) {
        results[number].emplace(
            run_shard<Analyzer>(reader, reader_mutex, shards[number], options, make, progress));
    });
    for (size_t number = 1; number < results.size(); ++number)
        results[0]->append(std::move(*std::exchange(results[number], std::nullopt)));
    return PassResult<Analyzer>{std::move(*results[0]),
                                options.range.to > reader.end_instr() ? reader.flaw() : std::string()};
}

}  // namespace panda::trace
