#include "trace/pass/pass.h"

#include <algorithm>

namespace panda::trace {
namespace {

// This many shards make the threads end at nearly the same time, and merging them costs next to nothing.
constexpr size_t shards_per_thread = 4;

// Divides the chunks [first, last) into `count` shards of nearly the same size.
std::vector<Shard> divide(size_t first, size_t last, size_t count) {
    std::vector<Shard> shards;
    for (size_t i = 0; i < count; ++i)
        shards.push_back({first + (last - first) * i / count, first + (last - first) * (i + 1) / count});
    return shards;
}

// Moves the start of each shard to the last snapshot before it. A shard with no snapshot before it stays
// where it is; memory is not known there (PassState::memory_known).
std::vector<Shard> begin_at_snapshots(const Contents& contents, const std::vector<Shard>& shards) {
    std::vector<Shard> moved;
    for (const Shard& shard : shards) {
        Shard begin = shard;
        if (const size_t before = contents.snapshots_before(shard.first); before > 0)
            begin = {contents.chunk_after(before - 1), shard.last, before - 1};
        if (!moved.empty() && moved.back().first == begin.first) {
            moved.back().last = shard.last;
            continue;
        }
        if (!moved.empty())
            moved.back().last = begin.first;
        moved.push_back(begin);
    }
    return moved;
}

}  // namespace

uint64_t pass_length(TraceReader& reader, const InstrRange& range) {
    if (!reader.seekable())
        return 0;
    uint64_t length = 0;
    for (const ChunkEntry& chunk : reader.contents().chunks)
        length += range.overlaps(chunk.first_instr, chunk.instr_count) ? chunk.instr_count : 0;
    return length;
}

std::vector<Shard> plan_shards(TraceReader& reader, const InstrRange& range, unsigned threads,
                               PassNeeds needs) {
    const Contents& contents = reader.contents();
    const auto wanted = [&](const ChunkEntry& chunk) {
        return range.overlaps(chunk.first_instr, chunk.instr_count);
    };
    const auto first = std::find_if(contents.chunks.begin(), contents.chunks.end(), wanted);
    const auto last = std::find_if_not(first, contents.chunks.end(), wanted);
    const auto begin = static_cast<size_t>(first - contents.chunks.begin());
    const auto end = static_cast<size_t>(last - contents.chunks.begin());
    const size_t count = std::clamp<size_t>(end - begin, 1, threads == 1 ? 1 : threads * shards_per_thread);
    const std::vector<Shard> shards = divide(begin, end, count);
    return needs == PassNeeds::memory ? begin_at_snapshots(contents, shards) : shards;
}

const Contents& SharedReader::contents() {
    const std::lock_guard lock(mutex_);
    return reader_.contents();
}

Chunk SharedReader::chunk(size_t number) {
    const std::lock_guard lock(mutex_);
    return reader_.chunk(number);
}

Snapshot SharedReader::snapshot(size_t number) {
    const std::lock_guard lock(mutex_);
    return reader_.snapshot(number);
}

GuestMemory SharedReader::memory_at(size_t snapshot) {
    const std::lock_guard lock(mutex_);
    return reader_.memory_at(snapshot);
}

void SharedReader::restore(PassState& state, size_t number) {
    state.restore(memory_at(number), snapshot(number).cpu);
}

SnapshotQueue::SnapshotQueue(SharedReader& shared, const Shard& shard)
    : contents_(shared.contents()), next_(shard.snapshot.value_or(0)) {}

std::optional<size_t> SnapshotQueue::before_chunk(size_t chunk) {
    const size_t before = contents_.snapshots_before(chunk);
    if (before <= next_)
        return std::nullopt;
    next_ = before;
    return before - 1;
}

}  // namespace panda::trace
