// The analyzer contract: how an analysis goes over a trace, in order or in parallel.
//
// An analyzer is a class of any name. One object of it sees one shard, a part of the trace, on one thread:
//
//     struct CountInterrupts {
//         // blocks, addresses, accesses or memory.
//         static constexpr PassNeeds needs = PassNeeds::memory;
//         // Optional; false if left out. PassState::registers() needs it, and a trace that has registers.
//         static constexpr bool needs_registers = true;
//         // Optional: state is the machine, which changes as the pass goes on.
//         explicit CountInterrupts(const PassState& state);
//         // Called for every execution, before its accesses.
//         void on_block(const BlockExecution& block);
//         // Called with PassNeeds::addresses or more: what the block does to memory, before the state's memory
//         // has it. Called several times for a block with events in the middle of it.
//         void on_accesses(const BlockExecution& block, std::span<const Access> accesses);
//         // Optional, with PassNeeds::memory: called after on_accesses, with loads and stores whose values are
//         // known, those of loads too, when the state's memory has them. Left out are loads from devices, and
//         // all loads where memory is not known.
//         void on_values(const BlockExecution& block, std::span<const Access> accesses);
//         // Called with PassNeeds::addresses or more: after on_accesses, when the state's memory has the
//         // accesses.
//         void after_accesses(const BlockExecution& block);
//         // Called for every event.
//         void on_event(const Event& event);
//         // Takes the results of the shard that follows this one.
//         void append(CountInterrupts&& next);
//     };
//
// A callback that such a pass would call, other than on_values, is there, or the analyzer derives from IgnoresEvents, IgnoresAccesses
// or IgnoresAfterAccesses. So a misspelt callback, wrong arguments, or a callback that would never be called do
// not compile: see contract.h. Left unseen is only a function that nobody said anything about, such as one with
// a name of its own in an analyzer that says that it does without the callback.
//
//     TraceReader reader(path);
//     auto result = run_pass(reader, {}, [](const PassState& state) { return CountInterrupts(state); });
//     ... result.analyzer ...
//     result.require_whole(reader);
//
// Callbacks come in the order of time. An event in the middle of a block comes after on_block of that block,
// between the accesses of the instructions before and after it, and the state is as it is then. Shards share
// only what the factory captures, so there are no locks; the results are put together in order. A shard sees
// nothing of the shards before it. What was already going on when the shard starts can only be known from the
// state.
//
// A trace from a pipe is one shard. In a file, chunks outside the range, and chunks that `select` declines,
// are not even decompressed, unless memory has to be kept current. Shards that need memory start at
// snapshots. Each thread of such a pass takes as much memory as the guest has pages that are not zero.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/shards.h"
#include "trace/pass/contract.h"
#include "trace/pass/decode_ahead.h"
#include "trace/pass/pass_state.h"
#include "trace/pass/shard_runner.h"
#include "trace/reading/reader.h"

namespace panda::trace {

struct PassOptions {
    InstrRange range = {};
    unsigned threads = 0;  // 0: as many as the host runs at once
    // The analyzer sees everything in one shard, in the order of time, on one thread. Other threads, `threads` of them
    // if there is more than one, decode memory accesses ahead of it.
    bool in_order = false;
    // Returns false for a chunk that cannot matter to the analyzer. Called from several threads.
    std::function<bool(const ChunkSummary&)> select = {};
    // Gets the instructions that the pass has gone through so far, out of pass_length(). Called from any of
    // the pass's threads, one call at a time.
    std::function<void(uint64_t)> progress = {};

    // Whether a chunk is told to the analyzer.
    bool tells(const ChunkSummary& chunk) const {
        return range.overlaps(chunk.first_instr, chunk.instr_count) && (!select || select(chunk));
    }
};

template <typename Analyzer>
struct PassResult {
    Analyzer analyzer;
    std::string flaw;  // why the trace ended before the range did; empty if it did not

    // Throws FileError when there was a flaw.
    void require_whole(const TraceReader& reader) const {
        if (!flaw.empty())
            throw FileError(reader.path(), flaw);
    }
};

// How many instructions the chunks have that overlap a range; 0 for a pipe, where this is not known. For a
// progress bar. Throws FileError for a damaged trace.
uint64_t pass_length(TraceReader& reader, const InstrRange& range);

// A part of a file: chunks [first, last), by number.
struct Shard {
    size_t first = 0;
    size_t last = 0;
    std::optional<size_t> snapshot = {};  // to start from: `first` is the first chunk behind it
};
// Divides the chunks that overlap the range into shards, in order, some for each thread. With
// PassNeeds::memory, a shard starts at a snapshot wherever one is before it. threads: at least 1.
std::vector<Shard> plan_shards(TraceReader& reader, const InstrRange& range, unsigned threads,
                               PassNeeds needs);

// Lets several threads use one reader: each call holds a lock. The calls are those of TraceReader, and throw
// as they do.
class SharedReader {
  public:
    // reader: must outlive this; nothing else may use it meanwhile.
    explicit SharedReader(TraceReader& reader) : reader_(reader) {}
    // The reader itself, without a lock: only for what does not change any more.
    const TraceReader& reader() const { return reader_; }
    const Contents& contents();
    Chunk chunk(size_t number);
    Snapshot snapshot(size_t number);
    GuestMemory memory_at(size_t snapshot);
    // Puts the memory and the registers of a snapshot into a state.
    void restore(PassState& state, size_t snapshot);

  private:
    TraceReader& reader_;
    std::mutex mutex_;
};

// Which snapshots a shard comes to as it goes through its chunks.
class SnapshotQueue {
  public:
    SnapshotQueue(SharedReader& shared, const Shard& shard);
    // The number of the last snapshot between the chunk of the call before and this one; nothing if there is
    // none. chunk: its number; the calls must come in ascending order.
    std::optional<size_t> before_chunk(size_t chunk);

  private:
    const Contents& contents_;
    size_t next_ = 0;
};

// Takes an analyzer through one shard of a file. decoders: threads that decode ahead; with 0 this thread does it
// itself. Called by run_pass().
template <typename Analyzer, typename Make>
Analyzer run_shard(SharedReader& shared, const Shard& shard, const PassOptions& options, const Make& make,
                   SharedProgress& progress, unsigned decoders = 0) {
    constexpr PassNeeds needs = needs_of<Analyzer>();
    const TraceReader& reader = shared.reader();
    PassState state(reader.header(), reader.blocks(), reader.memory_maps(), needs);
    Analyzer analyzer = make(std::as_const(state));
    ShardRunner<Analyzer> runner(reader.path(), options.range, state, analyzer);
    SnapshotQueue snapshots(shared, shard);
    std::optional<DecodeAhead> ahead;
    if (decoders != 0)
        ahead.emplace(
            reader.blocks(),
            DecodeAhead::Options{shard.first, shard.last, ShardRunner<Analyzer>::columns, decoders},
            [&shared](size_t number) { return shared.chunk(number); },
            [&](const ChunkSummary& summary) {
                return needs == PassNeeds::memory || options.tells(summary);
            });
    const auto take = [&](const Chunk& chunk, BatchCursor* cursor, bool told) {
        if (told || needs == PassNeeds::memory)
            runner.take(chunk, told, cursor);
        progress.add(chunk.summary().instr_count);
    };
    for (size_t number = shard.first; number < shard.last; ++number) {
        if constexpr (needs == PassNeeds::memory)
            if (const auto snapshot = snapshots.before_chunk(number); snapshot && !state.memory_known())
                shared.restore(state, *snapshot);
        if (ahead) {
            const auto [chunk, cursor] = ahead->next();
            take(chunk, cursor,
                 needs == PassNeeds::memory ? options.tells(chunk.summary()) : cursor != nullptr);
        } else {
            const Chunk chunk = shared.chunk(number);
            take(chunk, nullptr, options.tells(chunk.summary()));
        }
    }
    runner.finish();
    return analyzer;
}

// Takes an analyzer through a trace from a pipe, from where the reader is. Called by run_pass().
template <typename Analyzer, typename Make>
PassResult<Analyzer> run_pipe(TraceReader& reader, const PassOptions& options, const Make& make,
                              SharedProgress& progress) {
    constexpr PassNeeds needs = needs_of<Analyzer>();
    PassState state(reader.header(), reader.blocks(), reader.memory_maps(), needs);
    Analyzer analyzer = make(std::as_const(state));
    ShardRunner<Analyzer> runner(reader.path(), options.range, state, analyzer);
    GuestMemory memory(reader.header());
    while (const auto item = reader.next()) {
        if (const auto* snapshot = std::get_if<Snapshot>(&*item)) {
            if constexpr (needs == PassNeeds::memory) {
                memory.apply(*snapshot);
                if (!state.memory_known())
                    state.restore(memory, snapshot->cpu);
            }
            continue;
        }
        const auto& chunk = std::get<Chunk>(*item);
        const ChunkSummary& summary = chunk.summary();
        if (summary.first_instr >= options.range.to)
            return {std::move(analyzer), {}};  // whatever flaw may follow
        const bool told = options.tells(summary);
        if (told || needs == PassNeeds::memory)
            runner.take(chunk, told);
        progress.add(summary.instr_count);
    }
    runner.finish();
    return {std::move(analyzer), reader.flaw()};
}

// Takes analyzers over the range of a trace. make: a function that makes an analyzer from a const PassState&;
// called from several threads, once for each shard. Returns the analyzer of the first shard, with the others
// appended. Throws FileError for a damaged trace, and what the analyzer throws. A pass over a trace that was
// cut short goes as far as the trace does: show the results, then call require_whole().
template <typename Make>
auto run_pass(TraceReader& reader, const PassOptions& options, const Make& make) {
    static_assert(std::is_invocable_v<const Make&, const PassState&>,
                  "run_pass: make has to return an analyzer for a const PassState&");
    using Analyzer = std::invoke_result_t<const Make&, const PassState&>;
    check_analyzer<Analyzer>();
    static_assert(PassAnalyzer<Analyzer>);
    SharedProgress progress(options.progress);
    if (!reader.seekable())
        return run_pipe<Analyzer>(reader, options, make, progress);
    reader.load_blocks();  // threads share the table, which must not grow then
    const unsigned threads = options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
    const std::vector<Shard> shards =
        plan_shards(reader, options.range, options.in_order ? 1 : threads, needs_of<Analyzer>());
    const bool ahead = options.in_order && threads > 1 && needs_of<Analyzer>() != PassNeeds::blocks;
    std::vector<std::optional<Analyzer>> results(shards.size());
    SharedReader shared(reader);
    run_shards(shards.size(), threads, [&](size_t number) {
        results[number].emplace(
            run_shard<Analyzer>(shared, shards[number], options, make, progress, ahead ? threads : 0));
    });
    for (size_t number = 1; number < results.size(); ++number)
        results[0]->append(std::move(*std::exchange(results[number], std::nullopt)));
    return PassResult<Analyzer>{std::move(*results[0]),
                                options.range.to > reader.end_instr() ? reader.flaw() : std::string()};
}

}  // namespace panda::trace
