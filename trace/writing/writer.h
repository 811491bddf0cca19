// Writes a trace. The tracer calls it; encoding, compression and writing happen on the writer's own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/file.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/inner_event.h"
#include "trace/types.h"

namespace panda::trace {

struct WriterOptions {
    IfExists if_exists = IfExists::refuse;
    MemoryColumns memory = MemoryColumns::none;
    bool registers = false;            // for the start of each execution: see TraceWriter::registers
    int compression_level = 3;         // zstd's
    uint32_t chunk_blocks = 1u << 20;  // block executions in a chunk, at most max_chunk_blocks (limits.h)
    uint32_t queue_items = 8;          // how many chunks and MiB of a snapshot may wait for the encoder
};

// What is known where a chunk starts.
struct ChunkStart {
    std::optional<CpuState> cpu;            // nothing if not known
    std::vector<Translation> translations;  // in the processor's TLB; by ascending page, each page once
    // Values of the followed registers. Nothing: the chunk's blocks follow no registers.
    std::optional<FollowedValues> followed{};
};

struct EncodedStretch;

// Returns the content of one memory block, by its index in the header. The span must have the block's size,
// and be valid until the next call.
using MemoryProvider = std::function<std::span<const std::byte>(uint32_t block)>;

// All calls must come from one thread. A call is cheap (it codes into the open chunk), unless the encoder is
// behind: then it waits, and nothing is dropped. If the encoder fails (a full disk, a closed pipe), the next
// call that hands it work throws the failure, and so does finish().
//
// Memory: queue_items chunks (less than a byte for each block execution; with memory columns up to 16 MiB,
// usually 2) or pages, the block definitions' instruction counts and memory operations (about 100 bytes
// each), and after the first snapshot 8 bytes for each page of guest memory.
class TraceWriter {
  public:
    // Creates the file and writes the header. path: "-" is standard output. Throws FileError when the file
    // cannot be created, Error when the header is over a limit.
    TraceWriter(const std::string& path, const TraceHeader& header, const WriterOptions& options = {});
    // Without finish() the trace ends as after a crash: with the chunks that were handed to the encoder, and
    // without an index.
    ~TraceWriter();
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    // Defines a block; must come before its first execution. Returns its id: 0, 1, 2 … in order of the calls.
    // Throws Error when the definition contradicts itself (no instruction, offsets that do not ascend, sizes
    // that differ) or there are too many.
    uint32_t define_block(const BlockDefinition& definition);

    // Appends executions of whole blocks, in order. ids: from define_block(). Throws Error for an id that is
    // not defined; so do append_partial(), append(), append_records() and append_cut().
    void append_blocks(std::span<const uint32_t> ids);
    // Appends an execution that stopped after `executed` of the block's instructions; 0 if the first
    // instruction faulted. Throws Error when the block has fewer instructions.
    void append_partial(uint32_t id, uint32_t executed);

    // append(), append_records() and append_cut() replace the two above in a trace with memory columns, where
    // those throw Error.

    // Appends an execution of a whole block. words: the words that the execution left (see MemoryOperation),
    // as many as the definition's operations have; ignored without memory columns.
    void append(uint32_t id, const uint64_t* words);
    // Appends many such executions, which is faster. records: whole records (types.h), aligned to the size of
    // their heads. leave_last: appends all but the last one. Returns how many bytes were appended. Throws
    // Error when the last record is not whole.
    size_t append_records(std::span<const std::byte> records, bool leave_last = false);
    // Appends an execution that stopped after `executed` of the block's instructions. words: as for append().
    // In the instruction that the execution stopped in, the operations ran that have another address word
    // than MemoryOperation::not_run.
    void append_cut(uint32_t id, uint32_t executed, const uint64_t* words);
    // The registers at the start of the execution that is appended next. id: its block. If the options ask
    // for registers, call this right before each append_blocks() (with one block), append_partial(), append()
    // and append_cut(); if an execution comes without, a later call throws Error. Otherwise this does
    // nothing.
    void registers(uint32_t id, const BlockRegisters& values);
    // An inner event of the execution that is appended next. Throws Error when the event is impossible, or
    // the events of one execution do not come in order of their places. A fill that says what the chunk knows
    // already is left out. Without memory columns this does nothing.
    void inner(const InnerEvent& event);
    // Ends the open chunk, if anything is in it, and starts a new one. start: what is known there. With
    // memory columns, call this at the start of the trace and then at least every options.chunk_blocks
    // executions, because chunks that the writer starts by itself know only the translations that it was
    // given before. Throws Error when the translations are out of order, too many or impossible.
    void begin_chunk(const ChunkStart& start);

    // An event after the blocks appended so far; see Event::instr. Throws Error for a memory map, which
    // memory_map() is for, and for a gap, which skip() is for.
    void event(const Event& event);

    // The memory map of a physical address space, from the current instr on. A map that was used before takes
    // no space. Throws Error when it is over a limit.
    void memory_map(const MemoryMap& map);

    // Says that so many instructions were executed here and are not traced.
    void skip(uint64_t instructions);

    // --- For stretches, which other threads encode (stretch.h) ---
    // These replace all the calls above that say what is executed.

    // As define_block(), for a block that only stretches execute.
    uint32_t define_block_elsewhere(BlockDefinition definition);
    // As memory_map(), but adds no event. Returns the map's number if it was not in force before: then the
    // stretch must have the event.
    std::optional<uint32_t> enter_memory_map(const MemoryMap& map);
    // The maps in force, for StretchStart: number + 1 by physical address space, 0 = none.
    const std::vector<uint32_t>& memory_maps() const;
    // Appends a stretch, which may execute every block defined so far. The encoder waits for the future when
    // the stretch's turn comes; an exception from it counts as a failure of the encoder. instr_end: the instr
    // where the stretch ends.
    void append_stretch(std::future<EncodedStretch> stretch, uint64_t instr_end);

    // Writes a snapshot of the machine at the current instr, and ends the open chunk. state: the registers.
    // memory: gives all memory, which is copied before this returns; zero pages take no space. kind: the
    // first snapshot is always full. The memory maps in force belong to the snapshot. Throws Error when
    // memory gives a block of the wrong size.
    void snapshot(const CpuState& state, const MemoryProvider& memory, SnapshotKind kind);

    // Instructions executed before what is appended next, counted from the recording's start.
    uint64_t instr() const;

    // Writes everything that is still open, the index and the end, waits for the encoder, and closes the
    // file. Throws what the encoder failed with. Call it once.
    void finish();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace panda::trace
