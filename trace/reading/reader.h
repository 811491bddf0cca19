// Reads a trace: in order from a file or a pipe, or at any place of a file.
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
// At any place (files only): contents() lists the chunks and snapshots, chunk() and snapshot() get one. The
// analyzer contract (pass.h) drives this over shards in parallel.
//
// Every damage throws FileError with the place. A trace that was cut short (a crash, a kill) is read up to
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
    // False: next() passes over snapshots (their pages would stay in memory while a snapshot from a pipe
    // lives).
    bool snapshots = true;
    // True: block definitions have their TCG operations, where the trace has them.
    bool tcg = false;
};

class TraceReader {
  public:
    // path: "-" is standard input. Reads the header. Throws FileError when it is not a trace, or a newer one.
    explicit TraceReader(const std::string& path, const ReaderOptions& options = {});
    // A trace in memory, which can be read at any place as a file can. bytes: 8-byte aligned; must outlive
    // the reader and every chunk and snapshot of it. name: for messages, in place of the path.
    TraceReader(std::string name, std::span<const std::byte> bytes, const ReaderOptions& options = {});
    ~TraceReader();
    TraceReader(const TraceReader&) = delete;
    TraceReader& operator=(const TraceReader&) = delete;

    const std::string& path() const;  // for messages
    const TraceHeader& header() const;
    // Definitions read so far: all that the chunks handed out need. Grows with next(), chunk() and
    // load_blocks().
    const BlockTable& blocks() const;
    // Memory maps read so far, by number. Grows with next(), snapshot() and load_blocks().
    const std::vector<MemoryMap>& memory_maps() const;

    // The next chunk or snapshot in order; nothing at the end.
    std::optional<TraceItem> next();

    // Whether the trace was finished in order. Of a pipe it is known after next() gave nothing; of a file
    // always.
    bool whole();
    // Why it is not whole, as part of a sentence; empty when it is.
    std::string flaw();
    // Throws FileError unless it is whole. To be called by whoever read it to the end.
    void require_whole();

    // --- Files only: these throw FileError for a pipe ---

    bool seekable() const;
    // Whether there is an index. Without one contents() scans: it reads a page of each message.
    bool has_index() const;
    const Contents& contents();
    // One past the trace's last instruction, as far as it is whole.
    uint64_t end_instr();
    // number: index into contents().chunks.
    Chunk chunk(size_t number);
    // number: index into contents().snapshots.
    Snapshot snapshot(size_t number);
    // Memory at a snapshot: applies it, and those before it as far as needed.
    GuestMemory memory_at(size_t snapshot_number);
    // Reads all block definitions and memory maps, for blocks() and memory_maps(): neither changes after
    // that.
    void load_blocks();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace panda::trace
