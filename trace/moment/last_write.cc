#include "trace/moment/last_write.h"

#include <algorithm>
#include <cstring>

#include "trace/memory/frame_finder.h"
#include "trace/memory/memory_layout.h"
#include "trace/memory/store_router.h"
#include "trace/reading/chunk_walk.h"

namespace panda::trace {
namespace {

// Takes stores from a StoreRouter, and remembers whether one reached the piece.
class PieceWatch {
  public:
    // The piece is [begin, end), flat addresses.
    PieceWatch(uint64_t begin, uint64_t end) : begin_(begin), end_(end) {}

    struct Page {
        uint64_t flat;
        bool watched;
    };
    Page open_page(uint64_t flat) const { return {flat, flat < end_ && flat + page_size > begin_}; }
    void write(Page page, uint32_t offset, const std::byte*, uint32_t size) {
        if (page.watched && page.flat + offset < end_ && page.flat + offset + size > begin_)
            hit_ = true;
    }
    bool take_hit() { return std::exchange(hit_, false); }

  private:
    uint64_t begin_;
    uint64_t end_;
    bool hit_ = false;
};

WriteKind kind_of(AccessKind kind) {
    switch (kind) {
        case AccessKind::helper_store:
            return WriteKind::helper;
        case AccessKind::table_write:
            return WriteKind::table_write;
        default:
            return WriteKind::store;
    }
}

// Goes through chunks, and finds the last write to the piece in each.
class Search {
  public:
    Search(const TraceReader& reader, const MemoryLayout& layout, const MemoryPiece& piece, uint64_t before)
        : reader_(reader),
          before_(before),
          watch_(layout.flat(piece.block, piece.offset), layout.flat(piece.block, piece.offset) + piece.size),
          router_(layout, watch_) {}

    // The last write in the chunk; if the chunk has gaps, only after the last one.
    std::optional<Write> go(const Chunk& chunk) {
        found_.reset();
        gap_end_.reset();
        for (const uint32_t number : chunk.summary().first_memory_maps)
            if (number != 0)
                change_map(number - 1);
        router_.restart(chunk.translations());
        ChunkWalk walk(reader_.blocks());
        walk.go<CursorColumns::memory>(chunk, *this);
        walk.finish(*this);
        return found_;
    }

    // Where the last gap ends in the chunk of the last go(); nothing if it has none. What happened in a gap
    // is not known.
    std::optional<uint64_t> gap_end() const { return gap_end_; }

    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        const bool whole = block.instr + block.executed <= before_;
        if (!whole && block.instr >= before_)
            return;
        for (const Access& access : accesses) {
            router_.apply({&access, 1});
            if (watch_.take_hit() && (whole || block.instr + access.instruction < before_))
                found_ = write_of(block, access);
        }
    }
    void on_event(const Event& event) {
        if (event.instr > before_)
            return;
        if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            change_map(change->map);
        if (const auto* gap = std::get_if<Gap>(&event.detail)) {
            found_.reset();
            gap_end_ = event.instr + gap->instructions;
        }
        const auto* transfer = std::get_if<Transfer>(&event.detail);
        if (transfer == nullptr)
            return;
        router_.write_block(transfer->block, transfer->offset, transfer->data);
        if (!watch_.take_hit())
            return;
        Write write{event.instr,          0, WriteKind::transfer, transfer->source, transfer->offset,
                    transfer->data.size()};
        write.device = transfer->device;
        std::memcpy(&write.value, transfer->data.data(), std::min<size_t>(transfer->data.size(), 8));
        found_ = write;
    }

  private:
    void change_map(uint32_t number) {
        if (number >= reader_.memory_maps().size())
            throw FileError(reader_.path(), "a chunk names a memory map that does not stand before it");
        router_.set_map(reader_.memory_maps()[number]);
    }
    Write write_of(const BlockExecution& execution, const Access& access) const {
        const BlockView block = reader_.blocks()[execution.id];
        const uint64_t pc = block.pc + (access.instruction < block.instruction_offsets.size()
                                            ? block.instruction_offsets[access.instruction]
                                            : 0);
        return {execution.instr + access.instruction,
                pc,
                kind_of(access.kind),
                TransferSource::device,
                access.address,
                access.size,
                access.value,
                access.value_high};
    }

    const TraceReader& reader_;
    uint64_t before_;
    PieceWatch watch_;
    StoreRouter<PieceWatch> router_;
    std::optional<Write> found_;
    std::optional<uint64_t> gap_end_;
};

// Whether a chunk may write to the piece.
class PieceFilter {
  public:
    PieceFilter(const std::vector<MemoryMap>& maps, const MemoryPiece& piece) {
        const FrameFinder finder(maps);
        for (uint64_t page = piece.offset / page_size; page <= (piece.offset + piece.size - 1) / page_size;
             ++page)
            pages_.push_back({{piece.block, page}, finder.frames({piece.block, page})});
    }
    bool may_write(const WrittenPages& written) const {
        return std::any_of(pages_.begin(), pages_.end(), [&](const auto& page) {
            return FrameFinder::may_write(written, page.first, page.second);
        });
    }

  private:
    std::vector<std::pair<BlockPage, std::vector<PhysicalPage>>> pages_;
};

bool has_gap(const Chunk& chunk) {
    return chunk.summary().event_count != 0 &&
           chunk.count_events().contains(static_cast<uint32_t>(EventKind::gap));
}

}  // namespace

LastWrite find_last_write(TraceReader& reader, const MemoryPiece& piece, uint64_t before) {
    const MemoryLayout layout(reader.header().memory_blocks);
    if (piece.block >= layout.block_count() || piece.size == 0 ||
        piece.offset > layout.block_size(piece.block) ||
        piece.size > layout.block_size(piece.block) - piece.offset)
        throw Error("there is no such piece of guest memory");
    reader.load_blocks();
    const PieceFilter filter(reader.memory_maps(), piece);
    Search search(reader, layout, piece, before);
    LastWrite result;
    result.searched_from = before;
    const auto& chunks = reader.contents().chunks;
    for (size_t number = chunks.size(); number-- > 0;) {
        if (chunks[number].first_instr >= before)
            continue;
        const Chunk chunk = reader.chunk(number);
        const auto written = chunk.pages_written();
        if (!written)
            throw FileError(reader.path(), "was made without memory accesses (--columns full has them)");
        ++result.chunks_passed;
        const bool wanted = filter.may_write(*written) || has_gap(chunk);
        if (wanted) {
            ++result.chunks_decoded;
            result.write = search.go(chunk);
        }
        result.searched_from =
            wanted ? search.gap_end().value_or(chunks[number].first_instr) : chunks[number].first_instr;
        if (result.write || (wanted && search.gap_end()))
            return result;
    }
    return result;
}

}  // namespace panda::trace
