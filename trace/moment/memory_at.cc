#include "trace/moment/memory_at.h"

#include <algorithm>
#include <bit>
#include <thread>

#include "common/shards.h"
#include "trace/memory/store_router.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"
#include "trace/reading/until_instr.h"

namespace panda::trace {
namespace {

constexpr uint64_t overlay_page_bytes = sizeof(ChunkOverlay::Content);

// Puts what a chunk stores into an overlay.
class OverlayBuilder {
  public:
    OverlayBuilder(const TraceReader& reader, const MemoryLayout& layout)
        : reader_(reader), router_(layout, overlay_) {}

    void start(const Chunk& chunk) {
        for (const uint32_t number : chunk.summary().first_memory_maps)
            if (number != 0)
                change_map(number - 1);
        router_.restart(chunk.translations());
    }
    void apply(std::span<const Access> accesses) { router_.apply(accesses); }
    void apply(const Event& event) {
        if (const auto* transfer = std::get_if<Transfer>(&event.detail))
            router_.write_block(transfer->block, transfer->offset, transfer->data);
        else if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            change_map(change->map);
        else if (std::holds_alternative<Gap>(event.detail))
            throw Error("leaves out instructions, so memory after them is unknown until the next snapshot");
    }
    // For ChunkWalk.
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) {
        if (!in_group_)
            apply(accesses);
    }
    void on_event(const Event& event) { apply(event); }
    void begin_group(const AccessGroup& group, size_t first, size_t count) {
        router_.apply(group, group.stores_before(first), group.stores_before(first + count));
        in_group_ = true;
    }
    void end_group() { in_group_ = false; }

    void require_nothing_lost() const {
        if (router_.lost_stores() != 0)
            throw Error("stores to an address and does not say where that leads");
    }
    ChunkOverlay take() { return std::move(overlay_); }

  private:
    void change_map(uint32_t number) {
        if (number >= reader_.memory_maps().size())
            throw Error("names a memory map that does not stand before it");
        router_.set_map(reader_.memory_maps()[number]);
    }

    const TraceReader& reader_;
    ChunkOverlay overlay_;
    StoreRouter<ChunkOverlay> router_;
    bool in_group_ = false;  // the stores of the current group were applied all at once
};

}  // namespace

MemorySource require_memory_at(TraceReader& reader, uint64_t instr) {
    if (instr > reader.end_instr())
        throw FileError(reader.path(), "ends at instr " + std::to_string(reader.end_instr()) +
                                           ", before instr " + std::to_string(instr) +
                                           (reader.whole() ? "" : " (" + reader.flaw() + ")"));
    const Contents& contents = reader.contents();
    const size_t snapshots = contents.snapshots_up_to(instr);
    if (snapshots == 0)
        throw FileError(reader.path(), contents.snapshots.empty()
                                           ? "has no snapshot, so guest memory is unknown"
                                           : "has no snapshot up to instr " + std::to_string(instr) +
                                                 "; the first is at " +
                                                 std::to_string(contents.snapshots.front().instr));
    MemorySource source{snapshots - 1, contents.chunk_after(snapshots - 1), 0};
    source.last_chunk = source.first_chunk;
    while (source.last_chunk < contents.chunks.size() &&
           contents.chunks[source.last_chunk].first_instr <= instr)
        ++source.last_chunk;
    if (source.first_chunk == source.last_chunk || contents.snapshots[source.snapshot].instr == instr)
        return source;
    if (reader.chunk(source.last_chunk - 1).summary().memory != MemoryColumns::values)
        throw FileError(
            reader.path(),
            "does not hold the values of stores, so memory is known only at its snapshots (--columns full)");
    return source;
}

// Takes the chunk that has instr in it, up to there. It also follows changes of the memory map.
class MemoryAt::LastChunk {
  public:
    explicit LastChunk(MemoryAt& at) : at_(at), builder_(at.reader_, at.layout_) {}
    void start(const Chunk& chunk) {
        for (const uint32_t number : chunk.summary().first_memory_maps)
            if (number != 0 && number <= at_.reader_.memory_maps().size())
                at_.set_map(at_.reader_.memory_maps()[number - 1]);
        builder_.start(chunk);
    }
    void apply(std::span<const Access> accesses) { builder_.apply(accesses); }
    void apply(const Event& event) {
        builder_.apply(event);
        if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            at_.set_map(at_.reader_.memory_maps()[change->map]);
    }
    ChunkOverlay take() {
        builder_.require_nothing_lost();
        return builder_.take();
    }

  private:
    MemoryAt& at_;
    OverlayBuilder builder_;
};

MemoryAt::MemoryAt(TraceReader& reader, uint64_t instr, uint64_t cache_bytes)
    : reader_(reader), instr_(instr), cache_bytes_(cache_bytes), layout_(reader.header().memory_blocks) {
    const MemorySource source = require_memory_at(reader, instr);
    base_.emplace(reader.memory_at(source.snapshot));
    set_maps(base_->maps());
    cpu_ = reader.snapshot(source.snapshot).cpu;
    reader.load_blocks();
    finder_.emplace(reader.memory_maps());
    if (source.first_chunk == source.last_chunk)
        return;
    decode_last_chunk(source.last_chunk - 1);
    for (size_t number = source.last_chunk - 1; number-- > source.first_chunk;)
        candidates_.push_back({number, std::nullopt, nullptr});
}

void MemoryAt::decode_last_chunk(size_t number) {
    const Chunk last = chunk(number);
    if (last.summary().memory != MemoryColumns::values)
        return;  // instr is that of the snapshot, or require_memory_at() would have thrown
    in_chunk(reader_.path(), last, [&] {
        LastChunk sink(*this);
        CpuTracker cpu(reader_.blocks());
        cpu.start(cpu_);
        cpu.start(last.summary());
        sink.start(last);
        UntilInstr visitor(instr_, cpu, sink);
        auto walk = take_walk();
        walk->go<CursorColumns::memory>(last, visitor);
        cpu_ = cpu.cpu();
        if (!walk->holds_events())
            give_walk(std::move(walk));
        last_ = std::make_shared<const ChunkOverlay>(sink.take());
        ++decoded_;
    });
}

Chunk MemoryAt::chunk(size_t number) const {
    const std::lock_guard lock(reader_mutex_);
    return reader_.chunk(number);
}

bool MemoryAt::may_write(Candidate& candidate, const BlockPage& page,
                         const std::vector<PhysicalPage>& frames) const {
    if (!candidate.written)
        candidate.written = chunk(candidate.number).pages_written();
    const auto& written = *candidate.written;
    return !written || FrameFinder::may_write(*written, page, frames);
}

// A walk takes some 20 MB for a trace of 100,000 blocks, so walks that are not in use are kept.
std::unique_ptr<ChunkWalk> MemoryAt::take_walk() const {
    const std::lock_guard lock(reader_mutex_);
    if (walks_.empty())
        return std::make_unique<ChunkWalk>(reader_.blocks());
    auto walk = std::move(walks_.back());
    walks_.pop_back();
    return walk;
}

// walk: must hold no events.
void MemoryAt::give_walk(std::unique_ptr<ChunkWalk> walk) const {
    const std::lock_guard lock(reader_mutex_);
    walks_.push_back(std::move(walk));
}

std::shared_ptr<const ChunkOverlay> MemoryAt::decode_chunk(const Chunk& chunk) const {
    return in_chunk(reader_.path(), chunk, [&] {
        OverlayBuilder builder(reader_, layout_);
        builder.start(chunk);
        auto walk = take_walk();
        walk->go<CursorColumns::memory>(chunk, builder);
        walk->finish(builder);
        builder.require_nothing_lost();
        give_walk(std::move(walk));
        return std::make_shared<const ChunkOverlay>(builder.take());
    });
}

void MemoryAt::decode(const std::vector<Candidate*>& candidates) const {
    run_shards(candidates.size(), static_cast<unsigned>(candidates.size()),
               [&](size_t i) { candidates[i]->overlay = decode_chunk(chunk(candidates[i]->number)); });
    for (Candidate* candidate : candidates) {
        cached_.push_back(candidate);
        cached_pages_ += candidate->overlay->page_count();
        ++decoded_;
    }
}

void MemoryAt::keep_within_cache() const {
    while (cached_pages_ * overlay_page_bytes > cache_bytes_ && cached_.size() > 1) {
        cached_pages_ -= cached_.front()->overlay->page_count();
        cached_.front()->overlay.reset();
        cached_.pop_front();
    }
    if (pages_.size() * page_size > cache_bytes_)
        pages_.clear();
}

std::span<const std::byte> MemoryAt::page(uint32_t block, uint64_t page) const {
    const uint64_t number = layout_.flat(block, page * page_size) / page_size;
    if (const auto known = pages_.find(number); known != pages_.end())
        return known->second;
    keep_within_cache();
    std::vector<std::byte> bytes(page_size);
    ChunkOverlay::ByteSet missing;
    missing.fill(~uint64_t{0});
    const auto is_missing = [&] {
        return std::ranges::any_of(missing, [](uint64_t word) { return word != 0; });
    };
    // Takes those of the missing bytes that are in `stored`.
    const auto take = [&](std::span<const std::byte> from, size_t word, uint64_t stored) {
        for (uint64_t rest = missing[word] & stored; rest != 0; rest &= rest - 1) {
            const size_t i = 64 * word + static_cast<size_t>(std::countr_zero(rest));
            bytes[i] = from[i];
        }
        missing[word] &= ~stored;
    };
    const auto lay_under = [&](const ChunkOverlay& overlay) {
        if (const ChunkOverlay::Content* content = overlay.find(number))
            for (size_t word = 0; word < missing.size(); ++word)
                take(content->bytes, word, content->stored[word]);
    };
    if (last_)
        lay_under(*last_);
    const BlockPage block_page{block, page};
    const auto frames = finder_->frames(block_page);
    const size_t batch = std::max(1u, std::thread::hardware_concurrency());
    for (size_t i = 0; i < candidates_.size() && is_missing();) {
        // Decodes the next few chunks that are needed in parallel.
        std::vector<Candidate*> wanted;
        std::vector<Candidate*> cold;
        for (; i < candidates_.size() && cold.size() < batch; ++i) {
            if (!may_write(candidates_[i], block_page, frames))
                continue;
            wanted.push_back(&candidates_[i]);
            if (!candidates_[i].overlay)
                cold.push_back(&candidates_[i]);
        }
        decode(cold);
        for (const Candidate* candidate : wanted)
            lay_under(*candidate->overlay);
    }
    if (is_missing()) {
        std::vector<std::byte> before(page_size);
        base_->read_block(block, page * page_size, before);
        for (size_t word = 0; word < missing.size(); ++word)
            take(before, word, missing[word]);
    }
    return pages_.emplace(number, std::move(bytes)).first->second;
}

bool MemoryAt::read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const {
    if (block >= layout_.block_count() || offset > layout_.block_size(block) ||
        out.size() > layout_.block_size(block) - offset)
        return false;
    while (!out.empty()) {
        const uint64_t in_page = offset % page_size;
        const auto part = out.first(std::min<uint64_t>(out.size(), page_size - in_page));
        const auto content = page(block, offset / page_size).subspan(in_page, part.size());
        std::copy(content.begin(), content.end(), part.begin());
        offset += part.size();
        out = out.subspan(part.size());
    }
    return true;
}

}  // namespace panda::trace
