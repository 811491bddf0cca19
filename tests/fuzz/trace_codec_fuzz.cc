// Decodes any bytes as a column, with the coding that the first byte chooses.
#include <array>
#include <cstdint>
#include <cstdlib>

#include "trace/coding/block_codec.h"
#include "trace/coding/cut_codec.h"
#include "trace/coding/definition_codec.h"
#include "trace/coding/event_codec.h"
#include "trace/coding/memory_decoder.h"
#include "trace/coding/operation_codec.h"
#include "trace/coding/page_codec.h"
#include "trace/coding/register_codec.h"

namespace {

using namespace panda;
using namespace panda::trace;

constexpr uint32_t block_count = 1000;
constexpr uint32_t executions = 5000;

void decode_blocks(std::span<const std::byte> column) {
    BlockDecoder decoder;
    decoder.start(column, executions, block_count);
    std::vector<uint32_t> all;
    std::array<uint32_t, 300> part;
    while (const size_t got = decoder.decode(part))
        all.insert(all.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(got));
    for (const uint32_t id : all) {
        if (id >= block_count)
            std::abort();
    }
    // What decodes must encode, and decode to the same.
    BlockEncoder encoder;
    const Bytes again = encoder.encode(all, block_count);
    decoder.start(again, executions, block_count);
    std::vector<uint32_t> back(executions);
    if (decoder.decode(back) != executions || back != all)
        std::abort();
}

void decode_events(std::span<const std::byte> column, uint64_t count) {
    EventEncoder encoder;
    std::vector<CodedEvent> all;
    for (EventDecoder decoder(column, count, executions); decoder.valid(); decoder.advance()) {
        all.push_back(decoder.event());
        encoder.append(decoder.event());
    }
    const Bytes again = encoder.take();
    size_t i = 0;
    for (EventDecoder decoder(again, count, executions); decoder.valid(); decoder.advance()) {
        if (!(decoder.event() == all[i++]))
            std::abort();
    }
}

// Blocks with operations of every sort.
MemoryPlans some_plans() {
    MemoryPlans plans;
    plans.append({}, {}, true);
    std::vector<MemoryOperation> operations;
    for (uint16_t i = 0; i < 100; ++i) {
        MemoryOperation operation;
        operation.instruction = i;
        operation.size = static_cast<uint8_t>(1u << (i % 5));
        operation.store = i % 2 == 1;
        operation.conditional = i % 7 == 6;
        operation.constant_value = operation.store && operation.size == 4;
        if (i % 3 == 2 && !operation.conditional) {
            operation.base = 0;
            operation.delta = 8 * i;
            operation.narrow = i % 4 == 0;
        }
        operations.push_back(operation);
        if (i == 3)
            plans.append(operations, {}, true);
    }
    MemoryOperation told;
    told.instruction = 99;
    told.size = 0;
    told.told = FollowedRegister::gs_base;
    operations.push_back(told);
    operations[50].base = base_register(FollowedRegister::stack_pointer);
    operations[50].conditional = false;
    operations[53].base = base_constant;
    operations[53].conditional = false;
    const RegisterChange changes[] = {
        {FollowedRegister::stack_pointer, false, base_register(FollowedRegister::stack_pointer), -8},
        {FollowedRegister::fs_base, true, 0, 16},
        {FollowedRegister::gs_base, false, 100, 0}};
    plans.append(operations, changes, true);
    return plans;
}

// The rest of the input, in pieces for the columns: two bytes of size, then the piece.
Bytes take_piece(ByteReader& in) {
    const auto size = std::min<uint64_t>(in.get<uint16_t>(), in.remaining());
    const auto piece = in.take(size);
    return {piece.begin(), piece.end()};
}

void check_group(const MemoryDecoder& decoder, size_t count) {
    const AccessGroup group = decoder.group();
    size_t stores = 0;
    for (size_t i = 0; i < count; ++i) {
        for (const Access& access : group[i]) {
            if (access.size > 16 || access.kind > AccessKind::fill)
                std::abort();
            if (decoder.numbers_stores() && access.is_store() && &group.store(stores++) != &access)
                std::abort();
        }
        if (decoder.numbers_stores() && group.stores_before(i + 1) != stores)
            std::abort();
    }
}

void decode_memory(std::span<const std::byte> input) {
    static const MemoryPlans plans = some_plans();
    ByteReader in(input);
    const auto form = in.get<uint8_t>();
    MemoryColumnBytes columns;
    columns.inner_count = in.get<uint8_t>();
    columns.shapes = take_piece(in);
    columns.addresses = take_piece(in);
    columns.inner = take_piece(in);
    if ((form & 1) != 0)
        columns.values = take_piece(in);
    static MemoryDecoder decoder;  // one for all inputs, as a cursor has one for all chunks
    constexpr uint32_t count = 200;
    decoder.start(std::move(columns), plans, count);
    std::array<uint32_t, 15> ids;
    for (uint32_t i = 0; i < ids.size(); ++i)
        ids[i] = i % 3;
    for (uint32_t i = 0; i < count;) {
        if (i % 16 == 5) {
            decoder.decode_cut(1 + i % 2, i % 4);
            check_group(decoder, 1);
            ++i;
            continue;
        }
        const uint32_t until_cut = (16 + 5 - i % 16) % 16;
        const size_t decoded = decoder.decode(std::span(ids).first(std::min(until_cut, count - i)));
        check_group(decoder, decoded);
        i += static_cast<uint32_t>(decoded);
    }
    decoder.check_end();
}

void decode_registers(std::span<const std::byte> column) {
    static RegisterDecoder decoder;  // static because of its tables, as a cursor has one for all chunks
    static RegisterDecoder second;
    static RegisterEncoder encoder;
    encoder.take();
    const auto id = [](uint32_t i) { return i * i % 7 + (i % 3 << 16); };
    std::vector<BlockRegisters> all;
    try {
        decoder.start(column);
        for (uint32_t i = 0; i < block_count; ++i)
            all.push_back(decoder.next(id(i)));
        decoder.check_end();
    } catch (const Error&) {
    }
    for (uint32_t i = 0; i < all.size(); ++i)
        encoder.append(id(i), all[i]);
    const Bytes again = encoder.take();
    second.start(again);
    for (uint32_t i = 0; i < all.size(); ++i)
        if (second.next(id(i)) != all[i])
            std::abort();
    second.check_end();
}

void decode_lists(std::span<const std::byte> column, uint64_t count) {
    const auto translations = decode_translations(column, count);
    if (decode_translations(encode_translations(translations), translations.size()) != translations)
        std::abort();
}

void decode_pages(std::span<const std::byte> column, uint64_t count) {
    const WrittenPages pages = decode_written_pages(column, count);
    if (decode_written_pages(encode_written_pages(pages), count) != pages)
        std::abort();
}

void decode_operations(std::span<const std::byte> column) {
    ByteReader in(column);
    BlockDefinition block;
    block.instruction_offsets.resize(10);
    BlockDefinition same = block;
    get_operations(in, column.size() % 8 != 0, block);  // now and then as in version 1
    ByteWriter out;
    put_operations(out, block);
    ByteReader again(out.bytes());
    get_operations(again, true, same);
    if (!(same == block))
        std::abort();
}

void decode_definitions_of(std::span<const std::byte> column, uint64_t count) {
    const size_t quarter = column.size() / 4;
    decode_definitions({column.first(quarter), column.subspan(quarter, quarter),
                        column.subspan(2 * quarter, quarter), column.subspan(3 * quarter)},
                       static_cast<uint32_t>(count));
}

// count: how many records there should be, if the coding needs to be told.
void decode_one(uint8_t choice, std::span<const std::byte> column) {
    constexpr uint8_t registers_from = 0xe0;
    if (choice >= registers_from)
        return decode_registers(column);
    const uint64_t count = choice / 8;
    switch (choice % 8) {
        case 0:
            return decode_blocks(column);
        case 1:
            return decode_events(column, count);
        case 2:
            decode_cuts(column, count, executions);
            return;
        case 3:
            return decode_definitions_of(column, count);
        case 4:
            return decode_memory(column);
        case 5:
            return decode_lists(column, count);
        case 6:
            return decode_pages(column, count);
        default:
            return decode_operations(column);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0)
        return 0;
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        decode_one(data[0], bytes.subspan(1));
    } catch (const Error&) {
    }
    return 0;
}
