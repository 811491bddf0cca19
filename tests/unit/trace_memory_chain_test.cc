// Memory over a long chain of snapshots of changed pages.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/effort.h"
#include "tests/unit/trace_generator.h"
#include "trace/memory/flat_memory.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

constexpr uint64_t page_count = 1500;  // several groups per snapshot

class Chain {
  public:
    Chain() {
        header_.memory_blocks = {{"pc.bios", 4 * page_size}, {"pc.ram", page_count * page_size}};
        memory_ = {Bytes(4 * page_size), Bytes(page_count * page_size)};
        WriterOptions options;
        options.if_exists = IfExists::overwrite;
        TraceWriter writer(file_.path(), header_, options);
        writer.memory_map({0, {{0, page_count * page_size, 0, 1, RangeKind::ram}}});
        for (unsigned i = 0; i < rounds_of_effort(60); ++i) {
            // At first everything, then mostly a few pages that are written again and again.
            for (uint64_t page = 0; page < page_count; ++page)
                if (i == 0 || random_() % 4 == 0 || page % 16 == 0)
                    change(page);
            writer.snapshot(
                {}, [this](uint32_t block) { return std::span<const std::byte>(memory_[block]); },
                SnapshotKind::changed);
            states_.push_back(memory_[1]);
        }
        writer.finish();
    }
    std::string path() const { return file_.path(); }
    const std::vector<Bytes>& states() const { return states_; }

  private:
    void change(uint64_t page) {
        const auto bytes = std::span(memory_[1]).subspan(page * page_size, page_size);
        const auto value = random_() % 8 == 0 ? std::byte{0} : static_cast<std::byte>(random_());
        std::fill(bytes.begin(), bytes.end(), value);
    }

    TemporaryFile file_;
    TraceHeader header_;
    std::mt19937_64 random_{5};
    std::vector<Bytes> memory_;
    std::vector<Bytes> states_;
};

TEST_CASE("memory is right after every snapshot of a chain") {
    const Chain chain;
    TraceReader reader(chain.path());
    GuestMemory memory(reader.header(), GuestMemory::Source::held, 4 << 20);
    FlatMemory flat{MemoryLayout(reader.header().memory_blocks)};
    Bytes content(page_count * page_size);
    size_t number = 0;
    while (const auto item = reader.next()) {
        memory.apply(std::get<Snapshot>(*item));
        REQUIRE(memory.read(0, content));
        REQUIRE(content == chain.states()[number]);
        flat.restore(memory);
        const auto bytes = flat.bytes().subspan(flat.layout().flat(1, 0), content.size());
        REQUIRE(std::equal(bytes.begin(), bytes.end(), content.begin()));
        ++number;
    }
    CHECK(number == chain.states().size());
}

}  // namespace
