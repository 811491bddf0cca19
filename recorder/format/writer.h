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
    unsigned threads = 2;  // that compress
};

// Used by one thread at a time. Every function throws FileError once writing has failed, and Error when it is
// called out of order or with what the format does not hold. Writes lag a little behind the calls. Without
// finish(), the file stays a recording that was cut short after the last flush.
//
// Memory: at most about 150 MiB, whatever the size of the guest and of the log, and the constants.
class RecordingWriter {
  public:
    // Creates the file. Throws FileError when it exists (unless overwriting) or cannot be created, Error when
    // facts or blocks exceed the limits of container.h.
    RecordingWriter(const std::string& path, const Facts& facts, const std::vector<MemoryBlock>& blocks,
                    const WriterOptions& options = {});
    RecordingWriter(const RecordingWriter&) = delete;
    RecordingWriter& operator=(const RecordingWriter&) = delete;

    // The snapshot, before begin_log(). Each in any order.
    //
    // Contents of part of a block, copied before it returns. offset and size: multiples of 4096. Zero pages
    // are left out: what is never written is zero. Costs a read of the zero pages and a copy of the others;
    // waits for the helper threads when they are 64 MiB behind.
    void write_memory(uint32_t block, uint64_t offset, std::span<const std::byte> bytes);
    // The processor's state, at most 1 MiB, in the engine's own coding. Once.
    void write_processor(std::span<const std::byte> state);
    // The memory map of one address space. At least one; each address space once.
    void write_map(const MemoryMap& map);
    // The machine's devices. Once, or not at all. Throws Error when there are more than 4096.
    void write_devices(const std::vector<Device>& devices);
    // A file whose bytes devices are expected to write to memory: such a write of at least 4 KiB, from a
    // multiple of 512 in the file on, takes no room in the log. Copied, and kept. Throws Error when all
    // constants together exceed 128 MiB.
    void write_constant(const std::string& name, std::span<const std::byte> bytes);
    // The snapshot is complete: waits until all of it is in the file.
    void begin_log();

    // The log. Positions ascend or stay. Costs some 10 ns; no allocation while the chunk is not larger than
    // the last. data: at most 1 MiB, but for memory_write, which becomes several entries when longer. Not for
    // memory_map and end. When the caller does not flush, a chunk ends by itself after half a million entries
    // or 8 MiB of data. device: of a memory_write, see Entry::device.
    void append(EntryKind kind, Position position, uint64_t value = 0, uint64_t value2 = 0,
                std::span<const std::byte> data = {}, uint32_t device = 0);
    void append_map(Position position, const MemoryMap& map);
    // Ends the chunk. It is coded and written by a helper thread, a few milliseconds later. Nothing when
    // empty.
    void flush();
    // Estimate of what the unfinished chunk will take before zstd, in bytes.
    uint64_t pending_bytes() const { return batch_.entries() * 4 + batch_.data_bytes(); }

    // Ends the recording in order, at `end`: writes the last chunk and the trailer, waits for all writes and
    // closes. memory_hashes: see memory_hash_granule. Nothing may be called after it but statistics().
    void finish(Position end, std::span<const uint64_t> memory_hashes);

    // What is in the file by now. Callable from the thread that writes.
    Statistics statistics() const;

  private:
    void submit_pages();
    void add(EntryKind kind, Position position, uint64_t value, uint64_t value2,
             std::span<const std::byte> data, uint32_t device = 0);
    void check_memory_write(uint64_t block, uint64_t offset, uint64_t size) const;
    void submit_value(ChunkType type, Bytes raw);

    const WriterOptions options_;
    const std::vector<MemoryBlock> blocks_;
    std::optional<PageCollector> pages_;
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
