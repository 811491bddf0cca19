// Writes a trace. The tracer calls; encoding, compression and writing happen on a thread of the writer's own.
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
    bool registers = false;            // at the begin of each execution: see TraceWriter::registers
    int compression_level = 3;         // zstd's
    uint32_t chunk_blocks = 1u << 20;  // block executions in a chunk, at most max_chunk_blocks (limits.h)
    uint32_t queue_items = 8;          // chunks and MiB of snapshot that may wait for the encoder
};

// What is known where a chunk begins.
struct ChunkStart {
    std::optional<CpuState> cpu;            // none: not known
    std::vector<Translation> translations;  // of the processor's TLB; by ascending page, each page once
    // By FollowedRegister. None: the chunk's blocks follow no registers.
    std::optional<FollowedValues> followed{};
};

struct EncodedStretch;

// Content of one memory block, by its index in the header: exactly its size, valid until the next call.
using MemoryProvider = std::function<std::span<const std::byte>(uint32_t block)>;

// Calls come from one thread. Each is cheap (coded into the open chunk) unless the encoder is behind: then
// it waits, and nothing is dropped. A failure of the encoder (a full disk, a closed pipe) is thrown by the
// next call that hands it work, and by finish().
//
// Memory: queue_items chunks (below a byte a block execution, and with memory columns up to 16 MiB, usually
// 2) or pages, the block definitions' instruction counts and memory operations (about 100 bytes each), and
// after the first snapshot 8 bytes a page of guest memory.
class TraceWriter {
  public:
    // path: "-" is standard output. Writes the header. Throws FileError when the file cannot be created.
    TraceWriter(const std::string& path, const TraceHeader& header, const WriterOptions& options = {});
    // Without finish() the trace ends as after a crash: whole chunks up to here, no index.
    ~TraceWriter();
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    // A block, before it is first executed. Returns its id: 0, 1, 2 … in order of the calls. Throws Error
    // when the definition contradicts itself (no instruction, offsets that are not ascending, sizes that
    // differ).
    uint32_t define_block(const BlockDefinition& definition);

    // Blocks executed in full, in order. ids: from define_block (an unknown one throws Error).
    void append_blocks(std::span<const uint32_t> ids);
    // A block that stopped after `executed` of its instructions (0 too: its first instruction faulted).
    void append_partial(uint32_t id, uint32_t executed);

    // With memory columns, instead of the two above, which throw Error then. words: what the execution left,
    // see MemoryOperation; as many as the definition's operations have. Of the instruction that a cut block
    // stopped in, those operations ran whose address word tells so. Without memory columns words are not
    // looked at.
    void append(uint32_t id, const uint64_t* words);
    // Many at once, and faster: records (types.h), aligned as their heads are long. leave_last: all but the
    // last one. Returns the bytes appended. Throws Error when the last one is not whole.
    size_t append_records(std::span<const std::byte> records, bool leave_last = false);
    void append_cut(uint32_t id, uint32_t executed, const uint64_t* words);
    // The registers with which the execution that is appended next begins, of block `id`. Where the options
    // ask for registers, call it right before each of append_blocks (of one block), append_partial, append
    // and append_cut; elsewhere nothing is kept. Throws Error later, when an execution came without.
    void registers(uint32_t id, const BlockRegisters& values);
    // Inside the block that is appended next, or right before it. Places ascend up to that block, or Error is
    // thrown. A fill that says what the chunk knows already is left out. Without memory columns nothing is
    // kept.
    void inner(const InnerEvent& event);
    // Ends the open chunk, if anything is in it, and begins one that opens with this. With memory columns,
    // call it at the begin of the trace and then at least every options.chunk_blocks executions: chunks that
    // the writer begins by itself know only of translations that were told before.
    void begin_chunk(const ChunkStart& start);

    // An event after the blocks appended so far; see Event::instr. Use memory_map for a memory map and skip
    // for a gap: those throw Error here.
    void event(const Event& event);

    // The guest's physical memory map, or one of its changes, at the current instr. Maps seen before cost
    // nothing.
    void memory_map(const MemoryMap& map);

    // `instructions` instructions were executed and are not traced.
    void skip(uint64_t instructions);

    // For chunks that other threads make (stretch.h), instead of all the calls above that say what is
    // executed. A block that only those execute:
    uint32_t define_block_elsewhere(BlockDefinition definition);
    // A map as of memory_map(): its number, if it was not in force before; a stretch has to say so then.
    std::optional<uint32_t> enter_memory_map(const MemoryMap& map);
    // The maps in force, as a stretch begins with: number + 1 by physical address space, 0 = none.
    const std::vector<uint32_t>& memory_maps() const;
    // What is executed next, up to `instr_end`; takes its place in the file when it is ready. It may execute
    // whatever is defined by now. What it failed with is thrown as a failure of the encoder.
    void append_stretch(std::future<EncodedStretch> stretch, uint64_t instr_end);

    // The machine at the current instr. Ends the open chunk. The pages are copied before the call returns;
    // zero pages take no space. The first snapshot is full whatever is asked for. Every map set so far
    // belongs to it.
    void snapshot(const CpuState& state, const MemoryProvider& memory, SnapshotKind kind);

    // Instructions executed before what is appended next.
    uint64_t instr() const;

    // Writes what is open, the index and the end, waits, and closes the file. Throws what failed. Call it
    // once.
    void finish();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace panda::trace
