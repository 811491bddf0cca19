// The codings one by one: round trips, and hostile columns.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <random>

#include "trace/coding/block_codec.h"
#include "trace/coding/cut_codec.h"
#include "trace/coding/definition_codec.h"
#include "trace/coding/event_codec.h"
#include "trace/coding/event_fields.h"
#include "trace/limits.h"

namespace {

using namespace panda;
using namespace panda::trace;

std::vector<uint32_t> random_blocks(std::mt19937_64& random, size_t count, uint32_t block_count) {
    std::vector<uint32_t> ids;
    uint32_t id = 0;
    const uint64_t surprise = 1 + random() % 200;  // one in this many does not follow the loop
    while (ids.size() < count) {
        id =
            random() % surprise == 0 ? static_cast<uint32_t>(random() % block_count) : (id + 1) % block_count;
        ids.push_back(id);
    }
    return ids;
}

std::vector<uint32_t> decode_all(BlockDecoder& decoder, std::span<const std::byte> column, size_t count,
                                 uint32_t block_count, size_t piece) {
    decoder.start(column, count, block_count);
    std::vector<uint32_t> ids;
    std::vector<uint32_t> part(piece);
    while (const size_t got = decoder.decode(part))
        ids.insert(ids.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(got));
    return ids;
}

TEST_CASE("block sequences come back, whatever the pieces") {
    const auto seed = GENERATE(range(0u, 30u));
    std::mt19937_64 random(seed);
    BlockEncoder encoder;
    BlockDecoder decoder;
    // The same coders are used for several chunks, with growing tables; nothing carries over.
    for (uint32_t chunk = 1; chunk <= 4; ++chunk) {
        const uint32_t block_count = 1 + static_cast<uint32_t>(random() % 500) * chunk;
        const auto ids = random_blocks(random, random() % 5000, block_count);
        const Bytes column = encoder.encode(ids, block_count);
        CHECK(decode_all(decoder, column, ids.size(), block_count, 1 + random() % 600) == ids);
        BlockEncoder fresh;
        CHECK(fresh.encode(ids, block_count) == column);
    }
}

// The tables are cleared only now and then.
TEST_CASE("none of a hundred columns knows what another had") {
    std::mt19937_64 random(5);
    BlockEncoder encoder;
    BlockDecoder decoder;
    for (int chunk = 0; chunk < 100; ++chunk) {
        const auto ids = random_blocks(random, 300, 40 + static_cast<uint32_t>(chunk));
        const Bytes column = encoder.encode(ids, 200);
        REQUIRE(BlockEncoder().encode(ids, 200) == column);
        REQUIRE(decode_all(decoder, column, ids.size(), 200, 64) == ids);
    }
}

TEST_CASE("a loop costs next to nothing") {
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < 1000000; ++i)
        ids.push_back(i % 10);
    CHECK(BlockEncoder().encode(ids, 10).size() < 30);
}

TEST_CASE("hostile block columns are errors") {
    std::mt19937_64 random(3);
    const auto ids = random_blocks(random, 1000, 50);
    const Bytes column = BlockEncoder().encode(ids, 50);
    BlockDecoder decoder;
    SECTION("too few definitions") {
        CHECK_THROWS_AS(decode_all(decoder, column, ids.size(), 10, 100), Error);
    }
    SECTION("fewer blocks than coded") {
        CHECK_THROWS_AS(decode_all(decoder, column, 10, 50, 100), Error);
        CHECK_THROWS_AS(decode_all(decoder, column, 0, 50, 100), Error);
    }
    SECTION("cut") {
        for (size_t size = 0; size < column.size(); ++size)
            CHECK_THROWS_AS(decode_all(decoder, std::span(column).first(size), ids.size(), 50, 100), Error);
    }
    SECTION("flipped bits never lead outside") {
        for (size_t i = 0; i < 8 * column.size(); ++i) {
            Bytes damaged = column;
            damaged[i / 8] ^= std::byte{1} << (i % 8);
            try {
                for (const uint32_t id : decode_all(decoder, damaged, ids.size(), 50, 100))
                    CHECK(id < 50);
            } catch (const Error&) {
            }
        }
    }
}

TEST_CASE("events come back") {
    const std::vector<CodedEvent> events = {
        {0, 0, Interrupt{32, InterruptSource::hardware}},
        {0, 3, Exception{14, 2, 0xffff888000001000, 0xffffffff81000000}},
        {7, 0, AddressSpaceChange{0x1234000}},
        {7, -1, ModeChange{1, 2, 3, true}},
        {9, 0, MemoryMapChange{3}},
        {9, 0, Gap{~uint64_t{0}}},
        {9, 0, UnknownEvent{200, {1, 2, 3}, Bytes(5, std::byte{9})}},
        {10, 0, Exception{14, 2, 0xffff888000001008, 0xffffffff81000003}},
        {10, 0, Transfer{1, 0x4000, TransferSource::disk, Bytes(512, std::byte{7})}},
        {10, 0, PortAccess{0x3f8, 1, true, 'x'}},
        {10, 0, DeviceAccess{0xfee00000, 4, false, ~uint64_t{0}}},
        {10, 0, SystemCall{CallGate::sysenter, 1, {2, 3, 4, 5, 6, ~uint64_t{0}}, 0x7ffc0000, 0x401000}},
        {10, 0, SystemReturn{ReturnGate::iret, ~uint64_t{0}, 0x7ffc0000, 0x401002}},
        {10, 0, Cpuid{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10}, 0x401004}},
        {10, 0, SerialOutput{0, Bytes(3, std::byte{'a'})}},
        {10, 0, Reset{}},
        {10, 0, Input{InputSource::msr, 0x1b, 0xfee00900}},
    };
    EventEncoder encoder;
    for (const auto& event : events)
        encoder.append(event);
    CHECK(encoder.count() == events.size());
    const Bytes column = encoder.take();
    CHECK(encoder.count() == 0);
    std::vector<CodedEvent> back;
    for (EventDecoder decoder(column, events.size(), 10); decoder.valid(); decoder.advance())
        back.push_back(decoder.event());
    CHECK(back == events);

    const auto read = [](std::span<const std::byte> bytes, uint64_t count, uint32_t blocks) {
        for (EventDecoder decoder(bytes, count, blocks); decoder.valid(); decoder.advance()) {
        }
    };
    CHECK_THROWS_AS(read(column, events.size(), 9), Error);
    CHECK_THROWS_AS(read(column, events.size() - 1, 10), Error);
    CHECK_THROWS_AS(read(column, events.size() + 1, 10), Error);
    for (size_t size = 0; size < column.size(); ++size)
        CHECK_THROWS_AS(read(std::span(column).first(size), events.size(), 10), Error);
}

TEST_CASE("an event of a newer version with more fields is still read") {
    ByteWriter column;
    for (const uint64_t number :
         {0u, 2u, 0u, 2u << 1 | 1, 0x10u, 5u, 2u})  // an address space with two fields and data
        column.put_varint(number);
    column.put(uint16_t{0});
    const EventDecoder decoder(column.bytes(), 1, 0);
    CHECK(decoder.event().detail == EventDetail(AddressSpaceChange{8}));
}

TEST_CASE("an event of an older version with fewer fields is still read, and no number is cut short") {
    CHECK(make_event(6, {{7}, Bytes(2)}) == EventDetail(Transfer{7, 0, TransferSource::device, Bytes(2)}));
    CHECK(make_event(3, {{1, 2, 3, 0x100}, {}}) == EventDetail(ModeChange{1, 2, 3, true}));
    const uint64_t large = uint64_t{1} << 32;
    CHECK_THROWS_AS(make_event(0, {{large}, {}}), Error);
    CHECK_THROWS_AS(make_event(0, {{0, large}, {}}), Error);
    CHECK(make_event(2, {{large}, {}}) == EventDetail(AddressSpaceChange{large}));
}

TEST_CASE("cuts come back") {
    const std::vector<Cut> cuts = {{0, 3}, {1, 0}, {50, 7}, {99, 1}};
    const Bytes column = encode_cuts(cuts);
    CHECK(decode_cuts(column, cuts.size(), 100) == cuts);
    CHECK_THROWS_AS(decode_cuts(column, cuts.size(), 99), Error);
    CHECK_THROWS_AS(decode_cuts(column, cuts.size() - 1, 100), Error);
    CHECK_THROWS_AS(decode_cuts(column, cuts.size() + 1, 100), Error);
    CHECK_THROWS_AS(decode_cuts(column, ~uint64_t{0}, 100), Error);
}

TEST_CASE("definitions come back") {
    const BlockDefinition first{
        0xffffffff81000000, 0, 0x40c0b3, 0x1000000, no_address, 5, Bytes(5, std::byte{0x90}),
        {0, 1, 2, 3, 4}};
    const BlockDefinition second{0xfff0, 0xffff0000, 0, 0xfffff0, 0x2000, 15, {}, {0}};
    DefinitionEncoder encoder;
    encoder.append(first);
    encoder.append(second);
    encoder.append(first);
    const auto back = decode_definitions({encoder.records(), encoder.code()}, 3);
    CHECK(back == std::vector{first, second, first});
    CHECK_THROWS_AS(decode_definitions({encoder.records(), encoder.code()}, 2), Error);
    CHECK_THROWS_AS(decode_definitions({encoder.records(), encoder.code()}, 4), Error);
    CHECK_THROWS_AS(decode_definitions({encoder.records(), encoder.code().first(9)}, 3), Error);
    for (size_t size = 0; size < encoder.records().size(); ++size)
        CHECK_THROWS_AS(decode_definitions({encoder.records().first(size), encoder.code()}, 3), Error);
}

}  // namespace
