#include "trace/pass.h"

#include <algorithm>
#include <atomic>

namespace panda::trace {
namespace {

// Enough that the threads end at nearly the same time, few enough that merging costs nothing.
constexpr size_t shards_per_thread = 4;

bool overlaps(const InstrRange& range, const ChunkEntry& chunk) {
    return chunk.first_instr < range.to &&
           chunk.first_instr + std::max<uint64_t>(chunk.instr_count, 1) > range.from;
}

}  // namespace

uint64_t pass_length(TraceReader& reader, const InstrRange& range) {
    if (!reader.seekable())
        return 0;
    uint64_t length = 0;
    for (const ChunkEntry& chunk : reader.contents().chunks)
        length += overlaps(range, chunk) ? chunk.instr_count : 0;
    return length;
}

std::vector<Shard> plan_shards(TraceReader& reader, const InstrRange& range, unsigned threads) {
    const auto& chunks = reader.contents().chunks;
    const auto wanted = [&](const ChunkEntry& chunk) { return overlaps(range, chunk); };
    const auto first = std::find_if(chunks.begin(), chunks.end(), wanted);
    const auto last = std::find_if_not(first, chunks.end(), wanted);
    const auto begin = static_cast<size_t>(first - chunks.begin());
    const auto count = static_cast<size_t>(last - first);
    const size_t shards = std::clamp<size_t>(count, 1, threads == 1 ? 1 : threads * shards_per_thread);
    std::vector<Shard> plan;
    for (size_t i = 0; i < shards; ++i)
        plan.push_back({begin + count * i / shards, begin + count * (i + 1) / shards});
    return plan;
}

void run_shards(size_t count, unsigned threads, const std::function<void(size_t)>& work) {
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto run = [&] {
        try {
            for (size_t number = next++; number < count; number = next++)
                work(number);
        } catch (...) {
            next = count;
            const std::lock_guard lock(mutex);
            if (!failure)
                failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        for (unsigned i = 1; i < std::min<size_t>(threads, count); ++i)
            others.emplace_back(run);
        run();
    }
    if (failure)
        std::rethrow_exception(failure);
}

void PassProgress::add(uint64_t instructions) {
    const std::lock_guard lock(mutex_);
    done_ += instructions;
    if (report_)
        report_(done_);
}

}  // namespace panda::trace
