// Reads a recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recorder/format/chunk_reader.h"
#include "recorder/format/log_coding.h"
#include "recorder/format/recording.h"
#include "recorder/format/statistics.h"
#include "recorder/format/values.h"
#include "recorder/format/worker_pool.h"

namespace panda::recording {

class RecordingReader;

// Walks the log from its start. The next chunk is decompressed meanwhile, on a helper thread. Reads about 20
// M entries per second.
class LogCursor {
  public:
    LogCursor(LogCursor&&) = default;
    LogCursor& operator=(LogCursor&&) = delete;

    // The next entry, or nullptr at the end of the log. Valid until pop(). Throws FileError when the log is
    // damaged, or does not end where a complete recording's trailer says.
    const Entry* peek();
    // Goes on to the entry after the one that peek() returned.
    void pop() { have_entry_ = false; }

  private:
    friend class RecordingReader;
    LogCursor(const RecordingReader& recording, std::span<const ChunkPlace> chunks, Bytes constants);

    void prefetch();
    bool next_chunk();
    void check_end() const;

    const RecordingReader* recording_;
    std::span<const ChunkPlace> chunks_;
    Bytes constants_;
    size_t prefetched_ = 0;  // chunks given to the helper
    const ChunkPlace* chunk_ = nullptr;
    std::optional<LogDecoder> decoder_;
    Entry entry_;
    bool have_entry_ = false;
    Position last_;
    bool ended_ = false;  // an `end` entry was decoded
    std::future<LogDecoder> next_;
    std::unique_ptr<WorkerPool> helper_;
};

// Throws FileError wherever the file is damaged. Functions are const and may be called from several threads.
class RecordingReader {
  public:
    // Maps the file, and reads everything except memory, constants and log. A recording that was cut short
    // opens if its snapshot is whole.
    explicit RecordingReader(const std::string& path);
    RecordingReader(const RecordingReader&) = delete;
    RecordingReader& operator=(const RecordingReader&) = delete;

    const Facts& facts() const { return facts_; }
    // The fact with that name, or "" if there is none.
    std::string fact(const std::string& name) const;
    const std::vector<MemoryBlock>& blocks() const { return blocks_; }
    // The processor's state, as given to RecordingWriter::write_processor.
    const Bytes& processor() const { return processor_; }
    // One map for each address space, at least one, by ascending address space.
    const std::vector<MemoryMap>& initial_maps() const { return initial_maps_; }

    // The devices that the machine had when the recording began; Entry::device counts them from 1.
    const std::vector<Device>& devices() const { return devices_; }

    // See RecordingWriter::write_constant.
    const std::vector<Constant>& constants() const { return constants_; }

    // Calls `use`, on this thread and in the file's order, with all memory of the snapshot that is not zero.
    // Decompresses ahead on helper threads, and takes about 20 MiB for it.
    using MemoryUse = std::function<void(uint32_t block, uint64_t offset, std::span<const std::byte>)>;
    void read_memory(const MemoryUse& use) const;

    // Whether the recording was ended in order and has its trailer.
    bool complete() const { return trailer_.has_value(); }
    // Where a replay ends: the position of the last entry in the last whole chunk. Decodes that chunk if the
    // recording is not complete.
    Position last_position() const;
    // See memory_hash_granule. Empty if the recording is not complete.
    const std::vector<uint64_t>& memory_hashes() const;

    // A cursor at the start of the log. Reads the constants. This reader must outlive the cursor.
    LogCursor log() const;

    // Decompresses the whole log if the recording is not complete.
    Statistics statistics() const;
    const ChunkReader& container() const { return chunks_; }

  private:
    friend class LogCursor;
    // Checks which chunks there are, and in which order.
    void check_layout() const;
    void read_head(const ChunkPlace& chunk);
    Pages read_pages(const ChunkPlace& chunk, const Bytes& raw) const;
    Bytes read_constants() const;
    LogDecoder read_log(const ChunkPlace& chunk, std::span<const std::byte> constants) const;
    void count_device_writes(Statistics& statistics) const;
    // The chunks of one type that stand together.
    std::span<const ChunkPlace> run_of(ChunkType type) const;

    ChunkReader chunks_;
    Facts facts_;
    std::vector<MemoryBlock> blocks_;
    Bytes processor_;
    std::vector<MemoryMap> initial_maps_;
    std::vector<Constant> constants_;
    std::vector<Device> devices_;
    std::optional<Trailer> trailer_;
};

}  // namespace panda::recording
