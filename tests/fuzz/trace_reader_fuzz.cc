// Takes any bytes as a trace, for everything that a reader can be asked. Checksums are made right first,
// because otherwise the fuzzer would never get past them.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "tests/fuzz/trace_mend.h"
#include "trace/format/message.h"
#include "trace/format/message_source.h"
#include "trace/reading/reader.h"
#include "trace/reading/register_cursor.h"

namespace {

using namespace panda;
using namespace panda::trace;

// A number that depends on what was executed. many: uses next_whole_blocks() where it can.
uint64_t executions(ChunkCursor& cursor, const Chunk& chunk, CursorColumns columns, bool many) {
    uint64_t sum = 0;
    const auto note = [&sum](const BlockExecution& block) {
        sum = 31 * sum + block.id + block.instr + block.executed;
        return false;
    };
    cursor.start(chunk, columns);
    for (;;) {
        if (many)
            cursor.next_whole_blocks(note);
        const ChunkCursor::Step step = cursor.next();
        if (step == ChunkCursor::Step::end)
            return sum;
        if (step == ChunkCursor::Step::block)
            note(cursor.block());
    }
}

void read_registers(ChunkCursor& cursor, const Chunk& chunk) {
    static RegisterCursor
        registers;  // static because of its table, which takes long to make under the sanitizer
    cursor.start(chunk);
    registers.start(chunk);
    for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next())
        if (step == ChunkCursor::Step::block)
            registers.next(cursor.block().id);
    registers.check_end();
}

void go_through(ChunkCursor& cursor, const Chunk& chunk) {
    chunk.translations();
    chunk.pages_written();
    const uint64_t expected = executions(cursor, chunk, CursorColumns::blocks, false);
    if (executions(cursor, chunk, CursorColumns::blocks, true) != expected)
        std::abort();
    if (chunk.summary().memory != MemoryColumns::none &&
        executions(cursor, chunk, CursorColumns::memory, false) != expected)
        std::abort();
    if (chunk.summary().registers)
        read_registers(cursor, chunk);
}

void read_some_memory(const GuestMemory& memory) {
    Bytes part(3 * page_size);
    for (const auto& range : memory.ranges())
        memory.read(range.start, part);
    memory.read_block(0, 0, part);
}

void read_in_order(std::span<const std::byte> bytes) {
    TraceReader reader("input", bytes);
    ChunkCursor cursor(reader.blocks());
    GuestMemory memory(reader.header());
    while (const auto item = reader.next()) {
        if (const auto* chunk = std::get_if<Chunk>(&*item)) {
            chunk->count_events();
            go_through(cursor, *chunk);
        } else {
            memory.apply(std::get<Snapshot>(*item));
            read_some_memory(memory);
        }
    }
    reader.require_whole();
}

void read_at_any_place(std::span<const std::byte> bytes) {
    TraceReader reader("input", bytes, {.tcg = true});
    reader.load_blocks();
    ChunkCursor cursor(reader.blocks());
    for (size_t i = reader.contents().chunks.size(); i-- > 0;)
        go_through(cursor, reader.chunk(i));
    for (size_t i = reader.contents().snapshots.size(); i-- > 0;)
        read_some_memory(reader.memory_at(i));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Bytes input(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
    trace_fuzz::mend(input);
    for (const auto read : {read_in_order, read_at_any_place}) {
        try {
            read(input);
        } catch (const Error&) {
        }
    }
    return 0;
}
