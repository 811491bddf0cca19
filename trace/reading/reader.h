// Reads a trace: in order from a file or a pipe, or at any place in a file.
//
// In order:
//     TraceReader reader("-");
//     ChunkCursor cursor(reader.blocks());
//     while (auto item = reader.next()) {
//         if (const auto* chunk = std::get_if<Chunk>(&*item)) {
//             cursor.start(*chunk);
//             ...
//     }
//     reader.require_whole();
//
// At any place (files only): contents() lists the chunks and snapshots, chunk() and snapshot() get one.
// run_pass() (trace/pass/pass.h) does this for shards in parallel.
//
// Damage throws a FileError that names the place. A trace that was cut short (a crash, a kill) is read up to
// its last whole message, and then whole() is false.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/contents.h"
#include "trace/event.h"
#include "trace/memory/guest_memory.h"
#include "trace/memory/snapshot.h"
#include "trace/reading/chunk.h"
#include "trace/types.h"

namespace panda::trace {

using TraceItem = std::variant<Chunk, Snapshot>;

struct ReaderOptions {
    // False: next() skips snapshots. (A snapshot from a pipe holds its pages in memory.)
    bool snapshots = true;
    // True: block definitions have their TCG operations, if the trace has them.
    bool tcg = false;
};

class TraceReader {
  public:
    // Opens a trace and reads its header, and the index of a file. path: "-" is standard input. Throws
    // FileError when this is not a trace, or one of a newer version.
    explicit TraceReader(const std::string& path, const ReaderOptions& options = {});
    // Reads a trace in memory, at any place, as a file. bytes: 8-byte aligned; must outlive the reader and
    // every chunk and snapshot from it. name: what errors say in place of a path.
    TraceReader(std::string name, std::span<const std::byte> bytes, const ReaderOptions& options = {});
    ~TraceReader();
    TraceReader(const TraceReader&) = delete;
    TraceReader& operator=(const TraceReader&) = delete;

    const std::string& path() const;  // for errors
    const TraceHeader& header() const;
    // The definitions read so far, which are all that the chunks returned so far need. Grows with next(),
    // chunk() and load_blocks().
    const BlockTable& blocks() const;
    // The memory maps read so far, by number. Grows with next(), snapshot() and load_blocks().
    const std::vector<MemoryMap>& memory_maps() const;

    // The next chunk or snapshot in order; nothing at the end. Throws FileError for damage.
    std::optional<TraceItem> next();

    // Whether the trace was finished in order and not cut short. For a pipe this is known after next()
    // returned nothing, and before that this throws Error; for a file it is always known.
    bool whole();
    // Why it is not whole, as a part of a sentence; empty if it is. Throws as whole().
    std::string flaw();
    // Throws FileError unless it is whole. Call this after reading to the end.
    void require_whole();

    // --- For files ---

    // Whether this is a file and not a pipe. The functions after has_index() throw FileError for a pipe, and
    // for damage.
    bool seekable() const;
    // Whether there is an index. If not, the first call of contents() scans: it reads a page of each message.
    bool has_index() const;
    // Where chunks, definitions, memory maps and snapshots are.
    const Contents& contents();
    // One past the trace's last instruction; if it was cut short, that of its last whole chunk.
    uint64_t end_instr();
    // A chunk, with the definitions that it needs. number: index into contents().chunks.
    Chunk chunk(size_t number);
    // A snapshot, with its pages still compressed. number: index into contents().snapshots.
    Snapshot snapshot(size_t number);
    // Memory at a snapshot: applies it, and the snapshots before it that it builds upon.
    GuestMemory memory_at(size_t snapshot_number);
    // Reads all block definitions and memory maps, so that blocks() and memory_maps() do not change any more.
    void load_blocks();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace panda::trace
