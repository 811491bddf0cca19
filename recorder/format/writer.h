// Writes a recording: facts and blocks, the snapshot, the log, the trailer. See container.h for the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/file.h"
#include "recorder/format/chunk_writer.h"
#include "recorder/format/log_coding.h"
#include "recorder/format/recording.h"
#include "recorder/format/statistics.h"
#include "recorder/format/values.h"

namespace panda::recording {

struct WriterOptions {
    IfExists if_exists = IfExists::refuse;
    int snapshot_level = 1;  // zstd levels
    int log_level = 3;
    unsigned threads = 2;  // for compression
};

// One thread at a time may use it. Every function throws FileError once writing has failed, and Error when it
// is called out of order or with something that the format cannot hold. Writes lag a little behind the calls.
// Without finish(), the file is a recording that was cut short after the last flush.
//
// Memory: at most about 150 MiB, whatever the size of the guest and of the log, plus the constants.
class RecordingWriter {
  public:
    // Creates the file. Throws FileError when it exists (unless it may be overwritten) or cannot be created,
    // and Error when facts or blocks exceed the limits of container.h.
    RecordingWriter(const std::string& path, const Facts& facts, const std::vector<MemoryBlock>& blocks,
                    const WriterOptions& options = {});
    RecordingWriter(const RecordingWriter&) = delete;
    RecordingWriter& operator=(const RecordingWriter&) = delete;

    // --- The snapshot: before begin_log(), in any order ---

    // The content of a part of a block, which is copied before the call returns. offset and size: multiples
    // of 4096. Zero pages are left out: what is never written is zero. Costs a read of the zero pages and a
    // copy of the others; waits for the helper threads when they are 64 MiB behind.
    void write_memory(uint32_t block, uint64_t offset, std::span<const std::byte> bytes);
    // The processor's state, at most 1 MiB, in the engine's own coding. Call it once.
    void write_processor(std::span<const std::byte> state);
    // The memory map of one address space. Call it for at least one, and once for each.
    void write_map(const MemoryMap& map);
    // The machine's devices. Call it at most once. Throws Error when there are more than 4096.
    void write_devices(const std::vector<Device>& devices);
    // A file whose bytes devices are expected to write to memory: such a write, of at least 4 KiB from a
    // multiple of 512 in the file, takes no room in the log. The bytes are copied and kept. Throws Error when
    // all constants together exceed 128 MiB.
    void write_constant(const std::string& name, std::span<const std::byte> bytes);
    // The snapshot is complete: waits until all of it is in the file.
    void begin_log();

    // --- The log ---

    // Appends an entry of any kind but memory_map and end. Positions ascend or stay. Costs about 10 ns, and
    // does not allocate unless the chunk becomes larger than the last one. data: at most 1 MiB, except for
    // memory_write, which becomes several entries when it is longer. device: of a memory_write, see
    // Entry::device. If the caller does not flush, a chunk ends by itself after half a million entries or 8
    // MiB of data.
    void append(EntryKind kind, Position position, uint64_t value = 0, uint64_t value2 = 0,
                std::span<const std::byte> data = {}, uint32_t device = 0);
    void append_map(Position position, const MemoryMap& map);
    // Ends the chunk. A helper thread codes and writes it a few milliseconds later. Does nothing when the
    // chunk is empty.
    void flush();
    // An estimate of the unfinished chunk's size before compression, in bytes.
    uint64_t pending_bytes() const { return batch_.entries() * 4 + batch_.data_bytes(); }

    // Ends the recording in order, at `end`: writes the last chunk and the trailer, waits for all writes and
    // closes the file. memory_hashes: see memory_hash_granule. Only statistics() may be called after it.
    void finish(Position end, std::span<const uint64_t> memory_hashes);

    // What is in the file by now. May be called from the thread that writes.
    Statistics statistics() const;

  private:
    void submit_pages();
    void add(EntryKind kind, Position position, uint64_t value, uint64_t value2,
             std::span<const std::byte> data, uint32_t device = 0);
    void check_memory_write(uint64_t block, uint64_t offset, uint64_t size) const;
    void submit_value(ChunkType type, Bytes raw);

    const WriterOptions options_;
    const std::vector<MemoryBlock> blocks_;
    std::optional<MemoryChunkBuilder> pages_;
    bool processor_written_ = false;
    bool devices_written_ = false;
    std::set<uint32_t> mapped_address_spaces_;
    ConstantPool constants_;  // unchanged, and used by helper threads, from begin_log() on

    bool log_begun_ = false;
    bool finished_ = false;
    Position last_;
    LogBatch batch_;
    size_t device_count_ = 0;
    Statistics appended_;  // only what devices wrote

    mutable std::mutex kinds_mutex_;
    std::array<KindStatistics, entry_kinds> kinds_{};  // of the log chunks coded so far

    ChunkWriter chunks_;  // last: its threads use kinds_ and constants_
};

}  // namespace panda::recording
