// Appends chunks to a recording: encodes and compresses them on helper threads, and writes them in order.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/file.h"
#include "recorder/format/container.h"
#include "recorder/format/statistics.h"
#include "recorder/format/worker_pool.h"

namespace panda::recording {

// One thread submits. The first failure (a full disk, say) sticks: nothing is written after it, so at most
// the last chunk in the file is not whole, and every later call throws the failure again.
class ChunkWriter {
  public:
    // Creates the file and writes its header. Throws FileError.
    ChunkWriter(const std::string& path, IfExists if_exists, unsigned threads);

    // Appends a chunk whose content `encode` makes, on a helper thread; its buffer is kept for
    // spare_buffer(). level: zstd's. cost: bytes that the task keeps alive. Waits while the tasks under way
    // together cost more than 64 MiB. Throws an earlier failure.
    void submit(ChunkType type, int level, uint64_t cost, std::function<Bytes()> encode);
    // Waits until everything that was submitted is in the file. Throws what failed.
    void drain();
    // Drains and closes the file.
    void close();

    // An empty buffer, with memory of its own if one has become free.
    Bytes spare_buffer();
    // What was written so far, by chunk type.
    std::array<PartStatistics, chunk_types> statistics() const;

  private:
    struct Chunk {
        ChunkHeader header;
        Bytes stored;
        uint64_t cost = 0;
    };
    void encode_chunk(ChunkHeader header, int level, uint64_t cost, const std::function<Bytes()>& encode);
    void write_ready(std::unique_lock<std::mutex>& lock);
    void fail(std::exception_ptr failure);
    void rethrow_failure() const;
    void recycle(Bytes buffer);

    OutputFile file_;
    uint32_t submitted_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::exception_ptr failure_;
    std::map<uint32_t, Chunk> ready_;  // by number: compressed, waiting for earlier ones
    uint32_t written_ = 0;             // chunks
    uint64_t under_way_ = 0;           // cost of what is submitted and not yet written
    bool writing_ = false;             // a thread is writing to the file
    std::array<PartStatistics, chunk_types> statistics_;
    std::vector<Bytes> spare_;

    WorkerPool pool_;  // last: its threads use all of the above
};

}  // namespace panda::recording
