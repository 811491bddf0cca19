// Every access to a piece of memory, held against a walk over the whole trace that translates by itself.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <tuple>

#include "tests/unit/effort.h"
#include "tests/unit/trace_store_machine.h"
#include "trace/moment/access_search.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

// An access to one byte.
struct ByteAccess {
    uint64_t instr = 0;
    uint64_t address = 0;
    uint8_t size = 0;
    bool load = false;
    uint64_t value = 0;  // of the whole access
    uint32_t block = 0;
    uint64_t offset = 0;
};

// Goes through the trace chunk by chunk, and keeps its own memory and its own translations.
class PlainWalk {
  public:
    explicit PlainWalk(TraceReader& reader, const StoreMachine& machine) : reader_(reader) {
        reader.load_blocks();
        for (uint32_t block = 0; block < 3; ++block)
            memory_.push_back(machine.memory_at(block, 0));
        ChunkWalk walk(reader.blocks());
        for (size_t number = 0; number < reader.contents().chunks.size(); ++number) {
            const Chunk chunk = reader.chunk(number);
            pages_.clear();
            for (const Translation& one : chunk.translations())
                pages_[one.page] = one;
            for (uint32_t space = 0; space < 2; ++space)
                maps_[space] = space < chunk.summary().first_memory_maps.size()
                                   ? chunk.summary().first_memory_maps[space]
                                   : 0;
            walk.go<CursorColumns::memory>(chunk, *this);
        }
        walk.finish(*this);
    }
    const std::vector<ByteAccess>& accesses() const { return accesses_; }
    // All loads and stores whose bytes are all in memory: instr, address, load, value.
    using Known = std::tuple<uint64_t, uint64_t, bool, uint64_t, uint64_t>;
    const std::vector<Known>& known() const { return known_; }

    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
        for (const Access& access : accesses)
            take(block, access);
    }
    void on_event(const Event& event) {
        if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            maps_[reader_.memory_maps()[change->map].address_space] = change->map + 1;
        if (const auto* transfer = std::get_if<Transfer>(&event.detail))
            std::copy(transfer->data.begin(), transfer->data.end(),
                      memory_[transfer->block].begin() + static_cast<std::ptrdiff_t>(transfer->offset));
    }

  private:
    const MappedRange* range_of(uint32_t space, uint64_t physical) const {
        const uint32_t map = maps_.at(space);
        return map == 0 ? nullptr : find_range(reader_.memory_maps()[map - 1], physical);
    }
    void take(const BlockExecution& block, const Access& access) {
        if (access.kind == AccessKind::fill) {
            pages_[access.translation().page] = access.translation();
            return;
        }
        const bool load = access.kind == AccessKind::load || access.kind == AccessKind::helper_load;
        std::array<uint64_t, 2> value = {access.value, access.value_high};
        std::vector<ByteAccess> bytes;
        bool all = true;
        for (unsigned i = 0; i < access.size; ++i) {
            uint32_t space = 0;
            uint64_t physical = access.address + i;
            if (access.kind != AccessKind::table_write) {
                const auto page = pages_.find(physical / page_size);
                all = all && page != pages_.end();
                if (page == pages_.end())
                    continue;
                space = page->second.address_space;
                physical = page->second.frame * page_size + physical % page_size;
            }
            const MappedRange* range = range_of(space, physical);
            all = all && range != nullptr;
            if (range == nullptr)
                continue;
            const uint64_t offset = range->block_offset + (physical - range->address);
            std::byte& byte = memory_[range->block][offset];
            if (load)
                reinterpret_cast<std::byte*>(value.data())[i] = byte;
            else if (range->kind == RangeKind::ram)
                byte = reinterpret_cast<const std::byte*>(value.data())[i];
            if (load || range->kind == RangeKind::ram)  // a store to ROM changes nothing
                bytes.push_back({block.instr + access.instruction, access.address, access.size, load, 0,
                                 range->block, offset});
        }
        for (ByteAccess& byte : bytes) {
            byte.value = value[0];
            accesses_.push_back(byte);
        }
        if (access.kind != AccessKind::table_write && (!load || all))
            known_.emplace_back(block.instr + access.instruction, access.address, load, value[0], value[1]);
    }

    TraceReader& reader_;
    std::vector<Bytes> memory_;
    std::map<uint64_t, Translation> pages_;
    std::map<uint32_t, uint32_t> maps_;  // 1 + the number of the map in force, by address space
    std::vector<ByteAccess> accesses_;
    std::vector<Known> known_;
};

struct Sample {
    explicit Sample(uint64_t seed) : machine(seed) {
        WriterOptions options;
        options.chunk_blocks = 60u << (seed % 3);
        machine.write(file.path(), options, 2500);
    }
    TemporaryFile file;
    StoreMachine machine;
};

using Found = std::tuple<uint64_t, uint64_t, bool, uint64_t>;

}  // namespace

TEST_CASE("a history has the accesses that a walk over the whole trace finds") {
    const auto seed = GENERATE(range(130u, 134u));
    const Sample sample(seed);
    TraceReader reader(sample.file.path());
    const PlainWalk plain(reader, sample.machine);
    std::mt19937_64 random(seed);
    int loads = 0;
    int stores = 0;
    for (unsigned i = 0; i < rounds_of_effort(60); ++i) {
        const MemoryPiece piece{static_cast<uint32_t>(random() % 2), random() % (8 * page_size - 64),
                                1 + random() % 40};
        const InstrRange range{random() % (sample.machine.end_instr() / 2),
                               sample.machine.end_instr() / 2 + random() % sample.machine.end_instr()};
        for (const SearchFor what : {SearchFor::reads, SearchFor::writes, SearchFor::both}) {
            std::vector<Found> expected;
            for (const ByteAccess& byte : plain.accesses()) {
                const bool wanted = byte.block == piece.block && byte.offset >= piece.offset &&
                                    byte.offset < piece.offset + piece.size && byte.instr >= range.from &&
                                    byte.instr < range.to &&
                                    (what == SearchFor::both || byte.load == (what == SearchFor::reads));
                const Found one{byte.instr, byte.address, byte.load, byte.value};
                if (wanted && (expected.empty() || expected.back() != one))
                    expected.push_back(one);
            }
            std::vector<Found> found;
            AccessSearch search(reader, piece, what);
            search.forward(range, [&](const PieceAccess& access) {
                const Write& write = access.access;
                const Found one{write.instr, write.address, access.load, write.value};
                if (write.kind != WriteKind::transfer && (found.empty() || found.back() != one))
                    found.push_back(one);
                (access.load ? loads : stores) += 1;
                return true;
            });
            // What crosses a page is in two places of memory, of which a piece has one.
            std::erase_if(expected,
                          [](const Found& one) { return std::get<1>(one) % page_size > page_size - 16; });
            std::erase_if(found,
                          [](const Found& one) { return std::get<1>(one) % page_size > page_size - 16; });
            REQUIRE(found == expected);
            CHECK_FALSE(search.saw_gap());
        }
    }
    CHECK(loads > 0);
    CHECK(stores > 0);
}

TEST_CASE("the next access and the one before are those of the history") {
    const Sample sample(140);
    TraceReader reader(sample.file.path());
    std::mt19937_64 random(1);
    int found_some = 0;
    for (unsigned i = 0; i < rounds_of_effort(60); ++i) {
        const MemoryPiece piece{static_cast<uint32_t>(random() % 2), random() % (8 * page_size - 64),
                                1 + random() % 64};
        const SearchFor what = static_cast<SearchFor>(random() % 3);
        std::vector<PieceAccess> all;
        AccessSearch(reader, piece, what).forward({}, [&](const PieceAccess& access) {
            all.push_back(access);
            return true;
        });
        const uint64_t at = random() % sample.machine.end_instr();
        std::optional<PieceAccess> next;
        AccessSearch(reader, piece, what).forward({at}, [&](const PieceAccess& access) {
            next = access;
            return false;
        });
        const auto after = std::find_if(all.begin(), all.end(),
                                        [&](const PieceAccess& access) { return access.access.instr >= at; });
        REQUIRE(next.has_value() == (after != all.end()));
        if (next)
            CHECK(next->access.instr == after->access.instr);
        const auto previous = AccessSearch(reader, piece, what).previous(at);
        REQUIRE(previous.has_value() == (after != all.begin()));
        if (previous) {
            CHECK(previous->access.instr == (after - 1)->access.instr);
            CHECK(previous->load == (after - 1)->load);
            ++found_some;
        }
    }
    CHECK(found_some > 0);
}

TEST_CASE("chunks that do not touch the page are passed by") {
    const Sample sample(141);
    TraceReader reader(sample.file.path());
    AccessSearch search(reader, {0, 0, 1}, SearchFor::writes);
    search.forward({}, [](const PieceAccess&) { return true; });
    CHECK(search.chunks_passed() == reader.contents().chunks.size());
    CHECK(search.chunks_decoded() <= search.chunks_passed());
    CHECK_THROWS_AS(AccessSearch(reader, {7, 0, 1}, SearchFor::both), Error);
    CHECK_THROWS_AS(AccessSearch(reader, {0, 0, 0}, SearchFor::both), Error);
    CHECK_THROWS_AS(AccessSearch(reader, {0, uint64_t{1} << 60, 1}, SearchFor::both), Error);
}

namespace {

// Collects what on_values tells.
struct Values : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void on_values(const BlockExecution& block, std::span<const Access> accesses) {
        for (const Access& access : accesses)
            known.emplace_back(block.instr + access.instruction, access.address, !access.is_store(),
                               access.value, access.value_high);
    }
    void append(Values&& next) { known.insert(known.end(), next.known.begin(), next.known.end()); }
    std::vector<PlainWalk::Known> known;
};

}  // namespace

TEST_CASE("a pass tells the values of loads") {
    const auto seed = GENERATE(range(150u, 154u));
    const Sample sample(seed);
    TraceReader reader(sample.file.path());
    const PlainWalk plain(reader, sample.machine);
    for (const unsigned threads : {1u, 3u}) {
        const auto result = run_pass(reader, {.threads = threads}, [](const PassState&) { return Values(); });
        REQUIRE((result.analyzer.known == plain.known()));
    }
    CHECK(plain.known().size() > 1000);
}
