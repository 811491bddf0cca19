// Damaged memory columns, and what the writer refuses.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/trace_memory_generator.h"
#include "trace/coding/inner_codec.h"
#include "trace/coding/memory_encoder.h"
#include "trace/coding/operation_codec.h"
#include "trace/coding/page_codec.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Sample {
    explicit Sample(unsigned steps) {
        WriterOptions options;
        options.memory = MemoryColumns::values;
        options.chunk_blocks = 400;
        model = MemoryGenerator(5).write(file.path(), options, steps);
        bytes = read_file(file.path());
    }
    TemporaryFile file;
    MemoryModel model;
    Bytes bytes;
};

std::vector<Executed> read_all(const std::string& path) {
    std::vector<Executed> executions;
    TraceReader reader(path, {.tcg = true});
    ChunkCursor cursor(reader.blocks());
    while (const auto item = reader.next()) {
        const auto& chunk = std::get<Chunk>(*item);
        chunk.translations();
        chunk.pages_written();
        cursor.start(chunk, CursorColumns::memory);
        for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
            if (step == ChunkCursor::Step::block)
                executions.push_back({cursor.block().id,
                                      cursor.block().executed,
                                      {cursor.accesses().begin(), cursor.accesses().end()}});
        }
    }
    return executions;
}

bool same_execution(const Executed& a, const Executed& b) {
    return a.id == b.id && a.executed == b.executed &&
           std::equal(a.accesses.begin(), a.accesses.end(), b.accesses.begin(), b.accesses.end(),
                      same_access);
}

bool begins_with(const std::vector<Executed>& all, const std::vector<Executed>& part) {
    return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin(), same_execution);
}

TEST_CASE("a flipped bit in a trace with memory is found, or does not matter") {
    const Sample sample(1200);
    const TemporaryFile damaged_file;
    size_t found = 0;
    size_t harmless = 0;
    for (uint64_t bit = 0; bit < 8 * sample.bytes.size(); bit += 503) {
        CAPTURE(bit);
        Bytes damaged = sample.bytes;
        damaged[bit / 8] ^= std::byte{1} << (bit % 8);
        write_file(damaged_file.path(), damaged);
        try {
            const auto executions = read_all(damaged_file.path());
            CHECK(begins_with(sample.model.executions, executions));
            ++harmless;
        } catch (const FileError& error) {
            CHECK(std::string(error.what()).find(damaged_file.path()) == 0);
            ++found;
        }
    }
    CHECK(found > 50 * harmless);
}

// A chunk's memory columns as a decoder gets them. The encoders are the library's; their bytes are damaged
// here, after all checksums, as in a file that was made to do harm.
struct Columns {
    MemoryPlans plans;
    MemoryColumnBytes bytes;
    uint32_t count = 0;

    // decoder: may have decoded others before, and failed.
    void decode(MemoryDecoder& decoder) const {
        decoder.start(bytes, plans, count);
        for (uint32_t i = 0; i < count; ++i) {
            if (i % 10 == 9)
                decoder.decode_cut(0, i % 4);
            else
                decoder.decode(std::array{0u});
        }
        decoder.check_end();
    }
};

Columns some_columns() {
    std::vector<MemoryOperation> operations(6);
    for (uint16_t i = 0; i < 6; ++i) {
        operations[i].instruction = i;
        operations[i].store = i % 2 == 0;
    }
    operations[1].conditional = true;
    operations[3].base = 0;
    operations[3].delta = 16;
    operations[4].size = 16;
    operations[5].size = 2;
    std::mt19937_64 random(3);
    MemoryEncoder encoder(MemoryColumns::values);
    encoder.define(6, operations, {});
    Columns columns;
    columns.plans.append(operations, {}, true);
    columns.count = 300;
    for (uint32_t i = 0; i < columns.count; ++i) {
        const auto value = [&] { return random() % 4 == 0 ? random() : i; };
        const uint64_t maybe = random() % 3 == 0 ? MemoryOperation::not_run : 0x1000 + 8 * i;
        const uint64_t words[] = {0x4000 + 8 * i,   value(), maybe,   0x9000 - i, value(),
                                  0x8000 + value(), value(), value(), value()};
        if (random() % 5 == 0)
            encoder.inner(
                {static_cast<uint32_t>(random() % 13), InnerKind::helper_store, 8, value(), value(), 0});
        if (i % 10 == 9)
            encoder.append_cut(0, i % 4, words);
        else
            encoder.append(0, words);
    }
    for (RawColumn& column : encoder.take()) {
        switch (column.id) {
            case schema::ColumnId::SHAPES:
                columns.bytes.shapes = std::move(column.bytes);
                break;
            case schema::ColumnId::ADDRESSES:
                columns.bytes.addresses = std::move(column.bytes);
                columns.bytes.address_count = column.records;
                break;
            case schema::ColumnId::VALUES:
                columns.bytes.values = std::move(column.bytes);
                columns.bytes.value_count = column.records;
                break;
            case schema::ColumnId::INNER:
                columns.bytes.inner = std::move(column.bytes);
                columns.bytes.inner_count = column.records;
                break;
            default:
                break;
        }
    }
    return columns;
}

TEST_CASE("memory columns that are cut anywhere are refused") {
    const Columns whole = some_columns();
    MemoryDecoder decoder;
    REQUIRE_NOTHROW(whole.decode(decoder));
    const auto refuses_prefixes = [&](auto member) {
        Columns cut = whole;
        Bytes& bytes = member(cut.bytes);
        REQUIRE(bytes.size() > 4);
        while (bytes.size() > 1) {  // an empty column is a column of empty streams
            bytes.pop_back();
            CHECK_THROWS_AS(cut.decode(decoder), Error);
        }
    };
    refuses_prefixes([](MemoryColumnBytes& bytes) -> Bytes& { return bytes.shapes; });
    refuses_prefixes([](MemoryColumnBytes& bytes) -> Bytes& { return bytes.addresses; });
    refuses_prefixes([](MemoryColumnBytes& bytes) -> Bytes& { return *bytes.values; });
    refuses_prefixes([](MemoryColumnBytes& bytes) -> Bytes& { return bytes.inner; });
}

TEST_CASE("memory columns with any bit flipped decode to something or are refused") {
    const Columns whole = some_columns();
    MemoryDecoder decoder;
    size_t refused = 0;
    size_t decoded = 0;
    const auto flip = [&](auto member) {
        Columns damaged = whole;
        Bytes& bytes = member(damaged.bytes);
        for (size_t bit = 0; bit < 8 * bytes.size(); bit += 3) {
            bytes[bit / 8] ^= std::byte{1} << (bit % 8);
            try {
                damaged.decode(decoder);
                ++decoded;
            } catch (const Error&) {
                ++refused;
            }
            bytes[bit / 8] ^= std::byte{1} << (bit % 8);
        }
    };
    flip([](MemoryColumnBytes& bytes) -> Bytes& { return bytes.shapes; });
    flip([](MemoryColumnBytes& bytes) -> Bytes& { return bytes.addresses; });
    flip([](MemoryColumnBytes& bytes) -> Bytes& { return *bytes.values; });
    flip([](MemoryColumnBytes& bytes) -> Bytes& { return bytes.inner; });
    CHECK(refused > 0);
    CHECK(decoded > 0);
}

TEST_CASE("columns that say another number of records than they hold are refused") {
    for (const int which : {0, 1, 2}) {
        for (const int64_t shift : {-1, 1}) {
            Columns columns = some_columns();
            uint64_t& count = which == 0   ? columns.bytes.address_count
                              : which == 1 ? columns.bytes.value_count
                                           : columns.bytes.inner_count;
            count += static_cast<uint64_t>(shift);
            MemoryDecoder decoder;
            CHECK_THROWS_AS(columns.decode(decoder), Error);
        }
    }
}

TEST_CASE("lists of pages come back, and cut ones are refused") {
    const std::vector<Translation> translations = {{0, 5, 0}, {1, 6, 0}, {7, 1, 1}, {(1ull << 52) - 1, 9, 0}};
    const Bytes column = encode_translations(translations);
    CHECK(decode_translations(column, translations.size()) == translations);
    for (size_t size = 0; size < column.size(); ++size)
        CHECK_THROWS_AS(decode_translations(std::span(column).first(size), translations.size()), Error);
    CHECK_THROWS_AS(decode_translations(column, translations.size() - 1), Error);
    CHECK_THROWS_AS(decode_translations(column, ~uint64_t{0}), Error);

    const WrittenPages pages{{{0, 3}, {0, 4}, {1, 0}, {15, (1ull << 52) - 1}}, {{0, 7}, {3, 0}}, false};
    const Bytes list = encode_written_pages(pages);
    CHECK(decode_written_pages(list, 6) == pages);
    for (size_t size = 0; size < list.size(); ++size)
        CHECK_THROWS_AS(decode_written_pages(std::span(list).first(size), 6), Error);
    CHECK_THROWS_AS(decode_written_pages(list, 5), Error);
    CHECK_THROWS_AS(decode_written_pages(list, ~uint64_t{0}), Error);
}

TEST_CASE("memory operations that contradict themselves are refused") {
    const MemoryOperation load{.instruction = 1};
    const auto check = [](std::vector<MemoryOperation> operations) { check_operations(operations, 4); };
    CHECK_NOTHROW(check({load, load}));
    MemoryOperation bad = load;
    bad.instruction = 4;
    CHECK_THROWS_AS(check({bad}), Error);
    bad.instruction = 0;
    CHECK_THROWS_AS(check({load, bad}), Error);
    bad = load;
    for (const uint8_t size : {uint8_t{3}, uint8_t{32}}) {
        bad.size = size;
        CHECK_THROWS_AS(check({bad}), Error);
    }
    bad = load;
    bad.constant_value = true;
    CHECK_THROWS_AS(check({bad}), Error);
    bad.store = true;
    CHECK_NOTHROW(check({bad}));
    bad.size = 16;
    CHECK_THROWS_AS(check({bad}), Error);
    bad = load;
    bad.base = 0;
    CHECK_THROWS_AS(check({bad}), Error);
    CHECK_NOTHROW(check({load, bad}));
    CHECK_THROWS_AS(check({load, bad, load}), Error);  // not the last of its instruction
    MemoryOperation derived = bad;
    derived.instruction = 2;
    derived.base = 1;
    CHECK_THROWS_AS(check({load, bad, derived}), Error);  // its base is derived
    MemoryOperation conditional = load;
    conditional.conditional = true;
    CHECK_THROWS_AS(check({conditional, bad}), Error);
    bad.conditional = true;
    CHECK_THROWS_AS(check({load, bad}), Error);
    CHECK_THROWS_AS(check(std::vector<MemoryOperation>(5000, load)), Error);
}

TEST_CASE("operations as version 1 has them are read") {
    ByteWriter list;
    list.put_varint(2);
    list.put(uint8_t{3 << 5});          // a load of 8 bytes
    list.put_varint(1);                 // of instruction 1
    list.put(uint8_t{2 << 5 | 4 | 1});  // a store of 4, derived
    list.put_varint(2);                 // of instruction 3
    list.put_varint(1);                 // from the one before
    list.put_varint(zigzag_encode(-8));
    const std::vector<MemoryOperation> expected = {
        {.instruction = 1, .size = 8}, {.instruction = 3, .size = 4, .store = true, .base = 0, .delta = -8}};
    ByteReader in(list.bytes());
    BlockDefinition block;
    block.instruction_offsets.resize(4);
    get_operations(in, false, block);
    CHECK(in.at_end());
    CHECK(block.operations == expected);
    CHECK(block.changes.empty());
}

TEST_CASE("what blocks say about followed registers and cannot be is refused") {
    const MemoryOperation load{.instruction = 1};
    const auto check = [](std::vector<MemoryOperation> operations) { check_operations(operations, 4); };
    MemoryOperation by_register = load;
    by_register.base = base_register(FollowedRegister::gs_base);
    CHECK_NOTHROW(check({by_register}));
    by_register.base = base_register(FollowedRegister{followed_registers});
    CHECK_THROWS_AS(check({by_register}), Error);
    by_register.base = base_constant;
    CHECK_NOTHROW(check({by_register}));
    CHECK_THROWS_AS(check({by_register, load}), Error);  // not the last of its instruction
    MemoryOperation telling = load;
    telling.size = 0;
    CHECK_NOTHROW(check({telling}));
    CHECK_NOTHROW(check({by_register, telling}));
    MemoryOperation bad = telling;
    bad.told = FollowedRegister{followed_registers};
    CHECK_THROWS_AS(check({bad}), Error);
    bad = telling;
    bad.store = true;
    CHECK_THROWS_AS(check({bad}), Error);
    bad = telling;
    bad.conditional = true;
    CHECK_THROWS_AS(check({bad}), Error);
    bad = telling;
    bad.base = base_constant;
    CHECK_THROWS_AS(check({bad}), Error);

    const std::vector<MemoryOperation> operations = {load, by_register, telling};
    const RegisterChange change{.base = 2, .delta = 8};
    const auto check_all = [&](std::vector<RegisterChange> changes) { check_changes(changes, operations); };
    CHECK_NOTHROW(check_all({change}));
    CHECK_THROWS_AS(check_all({change, change}), Error);  // twice
    CHECK_THROWS_AS(check_all({{.which = FollowedRegister{followed_registers}}}), Error);
    CHECK_THROWS_AS(check_all({{.base = 1}}), Error);  // which is derived
    CHECK_THROWS_AS(check_all({{.base = 3}}), Error);
    CHECK_THROWS_AS(check_all({{.base = base_none}}), Error);
}

TEST_CASE("blocks that follow registers need to be told their values") {
    const std::vector<MemoryOperation> operations = {
        {.base = base_register(FollowedRegister::stack_pointer), .delta = -8}};
    const std::vector<RegisterChange> push = {
        {.base = base_register(FollowedRegister::stack_pointer), .delta = -8}};
    MemoryEncoder encoder(MemoryColumns::addresses);
    encoder.define(1, operations, push);
    CHECK_THROWS_AS(encoder.append(0, nullptr), Error);
    encoder.begin({}, FollowedValues{0x1000, 0, 0});
    encoder.append(0, nullptr);
    encoder.append(0, nullptr);
    CHECK(encoder.has_followed({0xff0, 0, 0}));
    CHECK_FALSE(encoder.has_followed({0x1000, 0, 0}));

    MemoryPlans plans;
    plans.append(operations, push, false);
    MemoryColumnBytes bytes;
    for (const RawColumn& column : encoder.take()) {
        if (column.id == schema::ColumnId::ADDRESSES)
            bytes.addresses = column.bytes;
        if (column.id == schema::ColumnId::INNER) {
            bytes.inner = column.bytes;
            bytes.inner_count = column.records;
        }
    }
    MemoryDecoder decoder;
    decoder.start(bytes, plans, 2);
    decoder.decode(std::array{0u});
    CHECK(decoder.group()[0][0].address == 0xff8);
    decoder.decode(std::array{0u});
    CHECK(decoder.group()[0][0].address == 0xff0);
    CHECK_NOTHROW(decoder.check_end());
    bytes.inner.clear();
    bytes.inner_count = 0;
    decoder.start(bytes, plans, 2);
    CHECK_THROWS_AS(decoder.decode(std::array{0u}), Error);
}

TEST_CASE("a writer with memory columns refuses what it cannot keep") {
    const TemporaryFile file;
    WriterOptions options;
    options.memory = MemoryColumns::values;
    TraceWriter writer(file.path(), {}, options);
    const uint32_t id = writer.define_block({.guest_size = 1, .code = {}, .instruction_offsets = {0}});
    CHECK_THROWS_AS(writer.append_blocks(std::span(&id, 1)), Error);
    CHECK_THROWS_AS(writer.append_partial(id, 1), Error);
    CHECK_THROWS_AS(writer.append(id + 1, nullptr), Error);
    CHECK_THROWS_AS(writer.append_cut(id, 2, nullptr), Error);
    CHECK_THROWS_AS(writer.inner({.kind = InnerKind::helper_load, .size = 3}), Error);
    CHECK_THROWS_AS(writer.inner({.kind = InnerKind::fill, .address = 1}), Error);
    CHECK_THROWS_AS(writer.inner({.place = ~0u}), Error);
    writer.inner({.place = 2, .kind = InnerKind::helper_load});
    CHECK_THROWS_AS(writer.inner({.place = 1, .kind = InnerKind::helper_load}), Error);
    CHECK_THROWS_AS(writer.begin_chunk({{}, {{2, 1, 0}, {1, 1, 0}}}), Error);
    CHECK_THROWS_AS(writer.begin_chunk({{}, {{1ull << 52, 1, 0}}}), Error);
    CHECK_THROWS_AS(writer.begin_chunk({{}, {{1, 1, 16}}}), Error);
    writer.append(id, nullptr);
    writer.finish();
    TraceReader reader(file.path());
    ChunkCursor cursor(reader.blocks());
    cursor.start(reader.chunk(0), CursorColumns::memory);
    REQUIRE(cursor.next() == ChunkCursor::Step::block);
    CHECK(cursor.accesses().size() == 1);
}

TEST_CASE("a trace without memory columns says so when it is asked for them") {
    const TemporaryFile file;
    {
        TraceWriter writer(file.path(), {});
        const uint32_t id = writer.define_block({.guest_size = 1, .code = {}, .instruction_offsets = {0}});
        writer.inner({.kind = InnerKind::helper_load});
        writer.append(id, nullptr);
        writer.append_cut(id, 0, nullptr);
        writer.finish();
    }
    TraceReader reader(file.path());
    const Chunk chunk = reader.chunk(0);
    ChunkCursor cursor(reader.blocks());
    CHECK_THROWS_AS(cursor.start(chunk, CursorColumns::memory), FileError);
    CHECK_FALSE(chunk.pages_written());
    CHECK(chunk.translations().empty());
    cursor.start(chunk);
    CHECK(cursor.next() == ChunkCursor::Step::block);
    CHECK(cursor.next() == ChunkCursor::Step::block);
    CHECK(cursor.block().executed == 0);
    CHECK(cursor.next() == ChunkCursor::Step::end);
}

TEST_CASE("a chunk tells the processor's state at its start, where it was told") {
    const TemporaryFile file;
    {
        TraceWriter writer(file.path(), {});
        const uint32_t id = writer.define_block({.guest_size = 1, .code = {}, .instruction_offsets = {0}});
        writer.append(id, nullptr);
        ChunkStart start;
        start.cpu.emplace().cr3 = 0x5000;
        writer.begin_chunk(start);
        writer.append(id, nullptr);
        writer.finish();
    }
    TraceReader reader(file.path());
    CHECK_FALSE(reader.chunk(0).summary().cpu);
    REQUIRE(reader.chunk(1).summary().cpu);
    CHECK(reader.chunk(1).summary().cpu->cr3 == 0x5000);
}

TEST_CASE("a chunk ends by itself when its values grow beyond what a message may hold") {
    const TemporaryFile file;
    WriterOptions options;
    options.memory = MemoryColumns::values;
    constexpr size_t stores = 64;
    constexpr uint32_t executions = 40000;
    {
        TraceWriter writer(file.path(), {}, options);
        BlockDefinition block{.guest_size = 1, .code = {}, .instruction_offsets = {0}};
        block.operations.assign(stores, {.size = 8, .store = true});
        const uint32_t id = writer.define_block(block);
        std::mt19937_64 random(1);
        std::vector<uint64_t> words(2 * stores);
        for (uint32_t i = 0; i < executions; ++i) {
            for (uint64_t& word : words)
                word = random();
            writer.append(id, words.data());
        }
        writer.finish();
    }
    TraceReader reader(file.path());
    CHECK(reader.contents().chunks.size() > 1);
    CHECK(read_all(file.path()).size() == executions);
}

}  // namespace
