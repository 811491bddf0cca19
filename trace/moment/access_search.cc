#include "trace/moment/access_search.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "trace/memory/frame_finder.h"
#include "trace/memory/memory_layout.h"
#include "trace/memory/store_copy.h"
#include "trace/memory/store_router.h"
#include "trace/moment/memory_at.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"

namespace panda::trace {
namespace {

constexpr uint64_t margin = 15;  // an access of 16 bytes may begin before the piece or end behind it

// The bytes of the piece and of a margin around it. Takes stores and loads from a StoreRouter, and remembers whether
// one reached the piece.
class PieceMemory {
  public:
    // The piece is [begin, end), flat addresses. size: of all memory.
    PieceMemory(uint64_t begin, uint64_t end, uint64_t size)
        : begin_(begin),
          end_(end),
          first_(begin - std::min(begin, margin)),
          bytes_(std::min(end + margin, size) - first_),
          known_(bytes_.size()) {}

    uint64_t first() const { return first_; }
    std::span<std::byte> bytes() { return bytes_; }
    // From now on all bytes are known, or none.
    void set_known(bool known) { known_.assign(known_.size(), known); }

    struct Page {
        uint64_t flat;
        bool watched;
    };
    Page open_page(uint64_t flat) const {
        return {flat, flat < first_ + bytes_.size() && flat + page_size > first_};
    }
    void write(Page page, uint32_t offset, const std::byte* bytes, uint32_t size) {
        if (page.watched)
            access(page.flat + offset, size, [&](size_t place, size_t i) {
                bytes_[place] = bytes[i];
                known_[place] = true;
            });
    }
    void read(Page page, uint32_t offset, std::byte* bytes, uint32_t size) {
        if (!page.watched)
            return;
        all_known_ = true;
        access(page.flat + offset, size, [&](size_t place, size_t i) {
            bytes[i] = bytes_[place];
            all_known_ = all_known_ && known_[place];
        });
    }

    bool take_hit() { return std::exchange(hit_, false); }
    // Whether every byte was known that the last load took.
    bool all_known() const { return all_known_; }

  private:
    template <typename Byte>
    void access(uint64_t flat, uint64_t size, const Byte& byte) {
        hit_ |= flat < end_ && flat + size > begin_;
        for (uint64_t i = 0; i < size; ++i)
            if (flat + i >= first_ && flat + i - first_ < bytes_.size())
                byte(flat + i - first_, i);
    }

    uint64_t begin_;
    uint64_t end_;
    uint64_t first_;
    std::vector<std::byte> bytes_;
    std::vector<bool> known_;
    bool hit_ = false;
    bool all_known_ = true;
};

bool is_load(AccessKind kind) {
    return kind == AccessKind::load || kind == AccessKind::helper_load;
}

WriteKind kind_of(AccessKind kind) {
    switch (kind) {
        case AccessKind::helper_load:
        case AccessKind::helper_store:
            return WriteKind::helper;
        case AccessKind::table_write:
            return WriteKind::table_write;
        default:
            return WriteKind::store;
    }
}

bool has_gap(const Chunk& chunk) {
    return chunk.summary().event_count != 0 &&
           chunk.count_events().contains(static_cast<uint32_t>(EventKind::gap));
}

const MemoryPiece& checked(const TraceReader& reader, const MemoryPiece& piece) {
    const MemoryLayout layout(reader.header().memory_blocks);
    if (piece.block >= layout.block_count() || piece.size == 0 ||
        piece.offset > layout.block_size(piece.block) ||
        piece.size > layout.block_size(piece.block) - piece.offset)
        throw Error("there is no such piece of guest memory");
    return piece;
}

}  // namespace

// A visitor of ChunkWalk.
class AccessSearch::Walker {
  public:
    Walker(TraceReader& reader, const MemoryPiece& piece, SearchFor what)
        : reader_(reader),
          what_(what),
          layout_(reader.header().memory_blocks),
          memory_(layout_.flat(piece.block, piece.offset),
                  layout_.flat(piece.block, piece.offset) + piece.size, layout_.size()),
          router_(layout_, memory_),
          walk_(reader.blocks()) {}

    std::function<bool(const PieceAccess&)> visit;
    InstrRange range;
    bool saw_gap = false;

    // The piece is now as memory is at the moment.
    void take_content(const MappedMemory& memory) {
        const auto place = layout_.place(memory_.first());
        const uint64_t in_block = layout_.block_size(place.block) - place.offset;
        memory_.set_known(memory_.bytes().size() <= in_block &&
                          memory.read_block(place.block, place.offset, memory_.bytes()));
    }

    void go(const Chunk& chunk) {
        const ChunkSummary& summary = chunk.summary();
        if (!summary.address_spaces.empty())
            cr3_ = summary.address_spaces.front();
        if (summary.cpu)
            asid_bits_ = page_table_bits(summary.cpu->cr4, summary.cpu->efer);
        in_chunk(reader_.path(), chunk, [&] {
            for (const uint32_t number : chunk.summary().first_memory_maps)
                if (number != 0)
                    change_map(number - 1);
            router_.restart(chunk.translations());
            walk_.go<CursorColumns::memory>(chunk, *this);
            walk_.finish(*this);
        });
    }

    // --- For ChunkWalk ---
    bool done() const { return done_; }
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        for (const Access& access : accesses) {
            if (is_load(access.kind) && what_ == SearchFor::writes)
                continue;
            Access valued = access;
            router_.apply_valued(valued);
            if (memory_.take_hit()) [[unlikely]]
                tell(block, valued);
        }
    }
    void on_event(const Event& event) {
        if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            change_map(change->map);
        if (const auto* change = std::get_if<AddressSpaceChange>(&event.detail))
            cr3_ = change->cr3;
        if (const auto* mode = std::get_if<ModeChange>(&event.detail))
            asid_bits_ = page_table_bits(mode->cr4, mode->efer);
        if (std::holds_alternative<Gap>(event.detail)) {
            saw_gap |= event.instr >= range.from && event.instr < range.to;
            memory_.set_known(false);
        }
        const auto* transfer = std::get_if<Transfer>(&event.detail);
        if (transfer == nullptr)
            return;
        router_.write_block(transfer->block, transfer->offset, transfer->data);
        if (!memory_.take_hit() || what_ == SearchFor::reads)
            return;
        PieceAccess found;
        found.access = {event.instr,          0, WriteKind::transfer, transfer->source, transfer->offset,
                        transfer->data.size()};
        found.access.device = transfer->device;
        found.asid = cr3_ & asid_bits_;
        std::memcpy(&found.access.value, transfer->data.data(), std::min<size_t>(transfer->data.size(), 8));
        tell(found);
    }

  private:
    void change_map(uint32_t number) {
        if (number >= reader_.memory_maps().size())
            throw Error("names a memory map that does not stand before it");
        router_.set_map(reader_.memory_maps()[number]);
    }
    void tell(const BlockExecution& execution, const Access& access) {
        const bool load = is_load(access.kind);
        if (!load && what_ == SearchFor::reads)
            return;
        const BlockView block = reader_.blocks()[execution.id];
        const uint64_t pc = block.pc + (access.instruction < block.instruction_offsets.size()
                                            ? block.instruction_offsets[access.instruction]
                                            : 0);
        tell({{execution.instr + access.instruction, pc, kind_of(access.kind), TransferSource::device,
               access.address, access.size, access.value, access.value_high},
              cr3_ & asid_bits_,
              load,
              !load || memory_.all_known()});
    }
    void tell(const PieceAccess& found) {
        const uint64_t instr = found.access.instr;
        if (!done_ && instr >= range.from && instr < range.to)
            done_ = !visit(found);
    }

    TraceReader& reader_;
    SearchFor what_;
    MemoryLayout layout_;
    PieceMemory memory_;
    StoreRouter<PieceMemory> router_;
    ChunkWalk walk_;
    uint64_t cr3_ = 0;
    uint64_t asid_bits_ = ~uint64_t{0};
    bool done_ = false;
};

AccessSearch::AccessSearch(TraceReader& reader, const MemoryPiece& piece, SearchFor what)
    : reader_(reader), piece_(checked(reader, piece)), what_(what) {
    reader.load_blocks();
    const FrameFinder finder(reader.memory_maps());
    const uint64_t first = (piece.offset - std::min(piece.offset, margin)) / page_size;
    for (uint64_t page = first; page <= (piece.offset + piece.size - 1 + margin) / page_size; ++page)
        pages_.push_back({{piece.block, page}, finder.frames({piece.block, page})});
}

AccessSearch::~AccessSearch() = default;

bool AccessSearch::may_access(const Chunk& chunk) {
    const auto written = chunk.pages_written();
    if (!written)
        throw FileError(reader_.path(), "was made without memory accesses (--columns full has them)");
    if (has_gap(chunk) || std::ranges::any_of(pages_, [&](const Page& page) {
            return FrameFinder::may_write(*written, page.page, page.frames);
        }))
        return true;
    if (what_ == SearchFor::writes)
        return false;
    const auto leads_here = [&](const Translation& translation) {
        const PhysicalPage target{translation.address_space, translation.frame};
        return std::ranges::any_of(
            pages_, [&](const Page& page) { return std::ranges::binary_search(page.frames, target); });
    };
    return std::ranges::any_of(chunk.translations(), leads_here) ||
           std::ranges::any_of(chunk.fills(), leads_here);
}

void AccessSearch::decode(const Chunk& chunk) {
    if (chunk.summary().memory != MemoryColumns::values)
        throw FileError(reader_.path(), "does not hold the values of stores (--columns full has them)");
    ++chunks_decoded_;
    walker_->go(chunk);
    saw_gap_ |= walker_->saw_gap;
}

void AccessSearch::forward(const InstrRange& range, const std::function<bool(const PieceAccess&)>& visit) {
    walker_ = std::make_unique<Walker>(reader_, piece_, what_);
    walker_->visit = visit;
    walker_->range = range;
    const auto& chunks = reader_.contents().chunks;
    bool first = true;
    for (size_t number = 0; number < chunks.size() && !walker_->done(); ++number) {
        if (!range.overlaps(chunks[number].first_instr, chunks[number].instr_count))
            continue;
        const Chunk chunk = reader_.chunk(number);
        ++chunks_passed_;
        if (what_ != SearchFor::writes && std::exchange(first, false) &&
            reader_.contents().snapshots_up_to(chunks[number].first_instr) != 0)
            walker_->take_content(MemoryAt(reader_, chunks[number].first_instr));
        if (may_access(chunk))
            decode(chunk);
    }
}

std::optional<PieceAccess> AccessSearch::previous(uint64_t before) {
    std::optional<PieceAccess> last;
    walker_ = std::make_unique<Walker>(reader_, piece_, what_);
    walker_->visit = [&](const PieceAccess& found) {
        last = found;
        return true;
    };
    walker_->range.to = before;
    const auto& chunks = reader_.contents().chunks;
    for (size_t number = chunks.size(); number-- > 0 && !last;) {
        if (chunks[number].first_instr >= before)
            continue;
        const Chunk chunk = reader_.chunk(number);
        ++chunks_passed_;
        if (may_access(chunk))
            decode(chunk);
    }
    if (!last || !last->load)
        return last;
    // Chunks were gone through backwards, so what was loaded is looked up once more.
    std::optional<PieceAccess> valued;
    forward({last->access.instr, last->access.instr + 1}, [&](const PieceAccess& found) {
        if (found.load && found.access.address == last->access.address)
            valued = found;
        return true;
    });
    return valued ? valued : last;
}

}  // namespace panda::trace
