// Guest memory and registers at any instr of a trace, without going through everything before it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "trace/memory/address_space.h"
#include "trace/memory/frame_finder.h"
#include "trace/memory/guest_memory.h"
#include "trace/memory/mapped_memory.h"
#include "trace/memory/memory_layout.h"
#include "trace/moment/chunk_overlay.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/cpu_tracker.h"
#include "trace/reading/reader.h"

namespace panda::trace {

// What memory at an instr follows from: a snapshot, and the chunks [first_chunk, last_chunk) since then. The
// last of these has the instr in it.
struct MemorySource {
    size_t snapshot = 0;  // its number
    size_t first_chunk = 0;
    size_t last_chunk = 0;  // first_chunk if nothing was executed since the snapshot
};

// Finds out what memory at `instr` follows from. It looks only at the index and at one chunk's summary.
// reader: of a file. Throws FileError when the trace does not reach the instr, has no snapshot before it, or
// has no values of stores there. Gaps and damage show only when chunks are decoded.
MemorySource require_memory_at(TraceReader& reader, uint64_t instr);

// The machine right before the instruction with number `instr`: memory has what instructions before it have
// stored, and what devices have written up to there.
//
// A page is put together when it is read. From the last chunk back to the last snapshot, chunks that list the
// page are decoded until all of its bytes are known; the snapshot gives the rest. What was decoded is kept,
// up to cache_bytes. So a page that is written rarely takes milliseconds, and a page that every chunk writes
// to takes, at worst, a pass over the instructions since the snapshot. Files only.
class MemoryAt final : public MappedMemory {
  public:
    static constexpr uint64_t default_cache_bytes = uint64_t{128} << 20;

    // Decodes the chunk that has the instr in it. reader: must outlive this, and no other thread may use it
    // while pages are read. instr: from the trace's first snapshot to its end. cache_bytes: how much of what
    // was decoded to keep. Throws FileError when the trace has no snapshot before the instr, does not reach
    // it, has no values of stores, leaves out instructions there, or is damaged.
    MemoryAt(TraceReader& reader, uint64_t instr, uint64_t cache_bytes = default_cache_bytes);

    uint64_t instr() const { return instr_; }
    // Registers, as far as they are known: see CpuTracker.
    const CpuState& cpu() const { return cpu_; }
    // The address space that the processor is in.
    AddressSpace address_space() const { return {*this, cpu_.cr3, paging_of(cpu_)}; }

    // As MappedMemory::read_block. Throws FileError when chunks that it needs are damaged or leave out
    // instructions.
    bool read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const override;

    // How many chunks were decoded so far.
    size_t chunks_decoded() const { return decoded_; }

  private:
    struct Candidate {
        size_t number;                                       // the chunk's
        std::optional<std::optional<WrittenPages>> written;  // nothing until it is looked at
        std::shared_ptr<const ChunkOverlay> overlay;         // null while it is not in the cache
    };
    class LastChunk;

    void decode_last_chunk(size_t number);
    std::span<const std::byte> page(uint32_t block, uint64_t page) const;
    bool may_write(Candidate& candidate, const BlockPage& page,
                   const std::vector<PhysicalPage>& frames) const;
    void decode(const std::vector<Candidate*>& candidates) const;
    std::shared_ptr<const ChunkOverlay> decode_chunk(const Chunk& chunk) const;
    std::unique_ptr<ChunkWalk> take_walk() const;
    void give_walk(std::unique_ptr<ChunkWalk> walk) const;
    void keep_within_cache() const;
    Chunk chunk(size_t number) const;

    TraceReader& reader_;
    uint64_t instr_;
    uint64_t cache_bytes_;
    MemoryLayout layout_;
    std::optional<FrameFinder> finder_;
    std::optional<GuestMemory> base_;  // at the last snapshot
    CpuState cpu_;
    std::shared_ptr<const ChunkOverlay> last_;  // of the chunk with instr in it, up to there; may be null

    mutable std::mutex reader_mutex_;  // for walks_ too
    mutable std::vector<std::unique_ptr<ChunkWalk>> walks_;
    mutable std::vector<Candidate> candidates_;  // chunks since the snapshot but the last; the latest first
    mutable std::deque<Candidate*> cached_;      // those with overlays, the oldest first
    mutable uint64_t cached_pages_ = 0;
    mutable std::map<uint64_t, std::vector<std::byte>> pages_;  // put together; by flat address / page_size
    mutable size_t decoded_ = 0;
};

}  // namespace panda::trace
