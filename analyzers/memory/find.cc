#include "analyzers/memory/find.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "common/error.h"
#include "common/numbers.h"
#include "trace/memory/address_space.h"
#include "trace/memory/flat_memory.h"
#include "trace/memory/store_router.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"

namespace panda::analyze_memory {
namespace {

constexpr size_t max_pattern = 4096;

// Hexadecimal digits in pairs, with colons between the pairs or without any; nothing for anything else.
std::optional<Bytes> read_bytes(std::string_view text, bool with_colons) {
    Bytes bytes;
    while (text.size() >= 2) {
        const auto value = read_number<uint64_t>("0x" + std::string(text.substr(0, 2)));
        if (!value)
            return std::nullopt;
        bytes.push_back(static_cast<std::byte>(*value));
        text.remove_prefix(2);
        if (text.empty())
            return bytes;
        if (with_colons && text.front() != ':')
            return std::nullopt;
        text.remove_prefix(with_colons ? 1 : 0);
    }
    return std::nullopt;
}

std::optional<Bytes> read_value(std::string_view text) {
    const auto value = read_number<uint64_t>(text);
    if (!value)
        return std::nullopt;
    size_t size = sizeof(uint64_t);
    if (text.starts_with("0x") || text.starts_with("0X"))
        for (size = 1; size < sizeof(uint64_t) && text.size() - 2 > 2 * size;)
            size *= 2;
    Bytes bytes(sizeof(uint64_t));
    std::memcpy(bytes.data(), &*value, sizeof(uint64_t));
    bytes.resize(size);
    return bytes;
}

Bytes text_bytes(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    return {bytes.begin(), bytes.end()};
}

// Calls found(place) for each occurrence in the bytes.
template <typename Found>
void search(std::span<const std::byte> bytes, std::span<const std::byte> pattern, const Found& found) {
    const std::byte* at = bytes.data();
    const std::byte* const end = at + bytes.size();
    while (const void* hit = ::memmem(at, static_cast<size_t>(end - at), pattern.data(), pattern.size())) {
        at = static_cast<const std::byte*>(hit);
        found(static_cast<size_t>(at - bytes.data()));
        ++at;
    }
}

}  // namespace

PatternForm parse_form(const std::string& name) {
    if (name == "bytes")
        return PatternForm::bytes;
    if (name == "text")
        return PatternForm::text;
    if (name == "value")
        return PatternForm::number;
    throw UsageError("--as takes bytes, text or value, not " + name);
}

Bytes parse_pattern(const std::string& text, PatternForm form) {
    std::optional<Bytes> bytes;
    if (form == PatternForm::text)
        bytes = text_bytes(text);
    else if (form == PatternForm::bytes)
        bytes = read_bytes(text, text.find(':') != std::string::npos);
    else if (form == PatternForm::number)
        bytes = read_value(text);
    else if (text.find(':') != std::string::npos)
        bytes = read_bytes(text, true).value_or(text_bytes(text));
    else
        bytes = text.starts_with("0x") ? read_value(text).value_or(text_bytes(text)) : text_bytes(text);
    if (!bytes || bytes->empty())
        throw UsageError("find takes bytes (de:ad:be:ef), text or a value (0x…), not " + text);
    if (bytes->size() > max_pattern)
        throw UsageError("find takes at most " + std::to_string(max_pattern) + " bytes");
    return *bytes;
}

std::vector<Occurrence> find_now(const trace::Moment& moment, uint64_t root,
                                 std::span<const std::byte> pattern) {
    constexpr uint64_t step = 1 << 20;
    std::vector<Occurrence> found;
    for (const auto& range : moment.memory().ranges()) {
        for (uint64_t begin = range.start; begin < range.end; begin += step) {
            Bytes bytes(std::min(step + pattern.size() - 1, range.end - begin));
            if (!moment.memory().read(begin, bytes))
                throw Error("memory cannot be read at " + std::to_string(begin));
            search(bytes, pattern, [&](size_t place) { found.push_back({begin + place, {}}); });
        }
    }
    constexpr size_t max_virtuals = 16;
    const trace::AddressSpace space(moment.memory(), root, trace::paging_of(moment.cpu()));
    space.for_each_page([&](uint64_t address, uint64_t physical, uint64_t size) {
        auto one = std::ranges::lower_bound(found, physical, {}, &Occurrence::physical);
        for (; one != found.end() && one->physical - physical < size; ++one)
            if (one->virtuals.size() < max_virtuals)
                one->virtuals.push_back(address + (one->physical - physical));
    });
    return found;
}

namespace {

// All of memory. Takes stores from a StoreRouter, and notices where the pattern comes and goes.
class WatchedMemory {
  public:
    using Event = std::function<void(uint64_t flat, bool appears)>;

    WatchedMemory(const trace::MemoryLayout& layout, std::span<const std::byte> pattern, Event event)
        : memory_(layout), pattern_(pattern), event_(std::move(event)) {
        for (const std::byte byte : pattern)
            in_pattern_[std::to_integer<size_t>(byte)] = true;
    }

    // Becomes this memory, and tells nothing.
    void restore(const trace::GuestMemory& memory) {
        memory_.restore(memory);
        places_.clear();
        search(std::as_const(memory_).bytes(), pattern_, [&](size_t place) {
            if (inside_block(place))
                places_.insert(place);
        });
    }
    // Where the pattern is now, by flat address.
    const std::set<uint64_t>& places() const { return places_; }

    using Page = uint64_t;
    Page open_page(uint64_t flat) const { return flat; }
    void write(Page page, uint32_t offset, const std::byte* bytes, uint32_t size) {
        const uint64_t flat = page + offset;
        trace::copy_store(memory_.bytes().data() + flat, bytes, size);
        if (!places_.empty())
            forget(flat, size);
        for (uint32_t i = 0; i < size; ++i)
            if (in_pattern_[std::to_integer<size_t>(bytes[i])]) {
                look(flat, size);
                return;
            }
    }

  private:
    // Occurrences that begin up to a pattern's length before a write can change with it.
    uint64_t first(uint64_t flat) const { return flat - std::min<uint64_t>(flat, pattern_.size() - 1); }

    bool inside_block(uint64_t flat) const {
        const auto place = memory_.layout().place(flat);
        return memory_.layout().block_size(place.block) - place.offset >= pattern_.size();
    }
    void forget(uint64_t flat, uint64_t size) {
        for (auto one = places_.lower_bound(first(flat)); one != places_.end() && *one < flat + size;) {
            if (std::ranges::equal(std::as_const(memory_).bytes().subspan(*one, pattern_.size()), pattern_)) {
                ++one;
                continue;
            }
            const uint64_t gone = *one;
            one = places_.erase(one);
            event_(gone, false);
        }
    }
    void look(uint64_t flat, uint64_t size) {
        const uint64_t begin = first(flat);
        const uint64_t end = std::min(flat + size + pattern_.size() - 1, memory_.layout().size());
        search(std::as_const(memory_).bytes().subspan(begin, end - begin), pattern_, [&](size_t place) {
            if (inside_block(begin + place) && places_.insert(begin + place).second)
                event_(begin + place, true);
        });
    }

    trace::FlatMemory memory_;
    std::span<const std::byte> pattern_;
    Event event_;
    std::array<bool, 256> in_pattern_{};
    std::set<uint64_t> places_;
};

// Goes through chunks, with the lifetimes that are not over.
class EverSearch {
  public:
    EverSearch(trace::TraceReader& reader, const trace::InstrRange& range, std::span<const std::byte> pattern,
               const std::function<void(const Lifetime&)>& visit)
        : reader_(reader),
          range_(range),
          layout_(reader.header().memory_blocks),
          memory_(layout_, pattern, [this](uint64_t flat, bool appears) { change(flat, appears); }),
          router_(layout_, memory_),
          visit_(visit) {}

    void restore(size_t snapshot) {
        const trace::GuestMemory memory = reader_.memory_at(snapshot);
        for (const auto& [flat, lifetime] : open_)
            tell(lifetime);  // what became of it is not known
        open_.clear();
        memory_.restore(memory);
        maps_ = memory.maps();
        for (const trace::MemoryMap& map : maps_)
            router_.set_map(map);
        for (const uint64_t flat : memory_.places())
            open_.emplace(flat, lifetime_of(flat));
        known_ = true;
    }
    void start(const trace::Chunk& chunk) {
        const trace::ChunkSummary& summary = chunk.summary();
        if (summary.memory != trace::MemoryColumns::values)
            throw Error("does not hold the values of stores (--columns full has them)");
        for (const uint32_t number : summary.first_memory_maps)
            if (number != 0)
                change_map(number - 1);
        router_.restart(chunk.translations());
        if (!summary.address_spaces.empty())
            cr3_ = summary.address_spaces.front();
        if (summary.cpu)
            asid_bits_ = trace::page_table_bits(summary.cpu->cr4, summary.cpu->efer);
    }
    void finish() {
        for (const auto& [flat, lifetime] : open_)
            tell(lifetime);
    }
    bool known() const { return known_; }

    // --- For ChunkWalk ---
    void on_block(const trace::BlockExecution&) {}
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        if (!known_)
            return;
        block_ = &block;
        for (const trace::Access& access : accesses) {
            if (access.kind == trace::AccessKind::load)
                continue;
            access_ = &access;
            router_.apply({&access, 1});
        }
    }
    void on_event(const trace::Event& event) {
        if (const auto* change = std::get_if<trace::AddressSpaceChange>(&event.detail))
            cr3_ = change->cr3;
        else if (const auto* mode = std::get_if<trace::ModeChange>(&event.detail))
            asid_bits_ = trace::page_table_bits(mode->cr4, mode->efer);
        else if (const auto* map = std::get_if<trace::MemoryMapChange>(&event.detail))
            change_map(map->map);
        else if (std::holds_alternative<trace::Gap>(event.detail))
            known_ = false;
        const auto* transfer = std::get_if<trace::Transfer>(&event.detail);
        if (transfer == nullptr || !known_)
            return;
        access_ = nullptr;
        event_instr_ = event.instr;
        router_.write_block(transfer->block, transfer->offset, transfer->data);
    }

  private:
    void change_map(uint32_t number) {
        if (number >= reader_.memory_maps().size())
            throw Error("names a memory map that does not stand before it");
        const trace::MemoryMap& map = reader_.memory_maps()[number];
        router_.set_map(map);
        if (map.address_space >= maps_.size())
            maps_.resize(map.address_space + 1);
        maps_[map.address_space] = map;
    }
    Lifetime lifetime_of(uint64_t flat) const {
        const auto place = layout_.place(flat);
        Lifetime lifetime;
        lifetime.block = place.block;
        lifetime.offset = place.offset;
        if (!maps_.empty())
            for (const trace::MappedRange& range : maps_[0].ranges)
                if (range.block == place.block && place.offset >= range.block_offset &&
                    place.offset - range.block_offset < range.size)
                    lifetime.physical = range.address + (place.offset - range.block_offset);
        return lifetime;
    }
    Lifetime::Cause cause() const {
        if (access_ == nullptr)
            return {event_instr_, 0, 0, cr3_ & asid_bits_, true};
        const trace::BlockView block = reader_.blocks()[block_->id];
        const bool by_code = access_->is_store() && access_->instruction < block.instruction_offsets.size();
        return {block_->instr + access_->instruction,
                by_code ? block.pc + block.instruction_offsets[access_->instruction] : 0, access_->address,
                cr3_ & asid_bits_, false};
    }
    void change(uint64_t flat, bool appears) {
        if (appears) {
            Lifetime lifetime = lifetime_of(flat);
            lifetime.begin = cause();
            open_.insert_or_assign(flat, lifetime);
            return;
        }
        const auto found = open_.find(flat);
        if (found == open_.end())
            return;
        found->second.end = cause();
        tell(found->second);
        open_.erase(found);
    }
    void tell(const Lifetime& lifetime) const {
        const bool begins_before = !lifetime.begin || lifetime.begin->instr < range_.to;
        const bool ends_after = !lifetime.end || lifetime.end->instr >= range_.from;
        if (begins_before && ends_after)
            visit_(lifetime);
    }

    trace::TraceReader& reader_;
    trace::InstrRange range_;
    trace::MemoryLayout layout_;
    WatchedMemory memory_;
    trace::StoreRouter<WatchedMemory> router_;
    const std::function<void(const Lifetime&)>& visit_;
    std::vector<trace::MemoryMap> maps_;
    std::map<uint64_t, Lifetime> open_;  // by flat address
    bool known_ = false;
    uint64_t cr3_ = 0;
    uint64_t asid_bits_ = ~uint64_t{0};
    // What changes memory now.
    const trace::BlockExecution* block_ = nullptr;
    const trace::Access* access_ = nullptr;  // null: a device
    uint64_t event_instr_ = 0;
};

}  // namespace

bool find_ever(trace::TraceReader& reader, const trace::InstrRange& range, std::span<const std::byte> pattern,
               const std::function<void(uint64_t)>& progress,
               const std::function<void(const Lifetime&)>& visit) {
    reader.load_blocks();
    const trace::Contents& contents = reader.contents();
    if (contents.snapshots.empty())
        throw FileError(reader.path(), "has no snapshot, so guest memory is unknown");
    EverSearch search(reader, range, pattern, visit);
    trace::ChunkWalk walk(reader.blocks());
    bool whole = true;
    uint64_t done = 0;
    size_t snapshot = 0;
    for (size_t number = 0; number < contents.chunks.size(); ++number) {
        const trace::ChunkEntry& entry = contents.chunks[number];
        if (entry.first_instr >= range.to)
            break;
        const size_t before = contents.snapshots_before(number);
        if (!search.known() && before > snapshot) {
            search.restore(before - 1);
            snapshot = before;
        }
        const trace::Chunk chunk = reader.chunk(number);
        trace::in_chunk(reader.path(), chunk, [&] {
            search.start(chunk);
            walk.go<trace::CursorColumns::memory>(chunk, search);
        });
        whole = whole && search.known();
        progress(done += entry.instr_count);
    }
    walk.finish(search);
    search.finish();
    return whole;
}

}  // namespace panda::analyze_memory
