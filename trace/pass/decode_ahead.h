// Decodes chunks on other threads, ahead of an analysis that must see them in order on one thread.
//
// What such an analysis does of its own is a small part of the time: decoding memory accesses is most of it, and chunks
// decode apart. Each thread decodes a chunk of its own into batches (decoded_batch.h), and the analysis takes the batches
// in the order of time. At most threads + 1 chunks are on the way, each with at most 64 batches of 2 MB.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "trace/reading/decoded_batch.h"

namespace panda::trace {

class DecodeAhead {
  public:
    struct Options {
        size_t first = 0;  // chunks [first, last), by number
        size_t last = 0;
        CursorColumns columns = CursorColumns::blocks;
        unsigned threads = 1;  // that decode; at least 1
    };
    // Returns the chunk with this number. Called from all threads.
    using Open = std::function<Chunk(size_t)>;
    // Returns whether a chunk is decoded; false passes over it. Called from all threads.
    using Wanted = std::function<bool(const ChunkSummary&)>;

    // blocks: of the trace; must outlive this and not grow meanwhile.
    DecodeAhead(const BlockTable& blocks, const Options& options, Open open, Wanted wanted);
    // Ends the threads. What they have decoded is thrown away.
    ~DecodeAhead();
    DecodeAhead(const DecodeAhead&) = delete;
    DecodeAhead& operator=(const DecodeAhead&) = delete;

    struct Item {
        const Chunk& chunk;
        BatchCursor*
            cursor;  // at its start; null if the chunk is not decoded. It may be left before the chunk's end.
    };
    // Waits for the next chunk, from the first to the last one. What it returns is valid until the next call. Throws
    // what `open` and `wanted` threw for it.
    Item next();

  private:
    struct Job {
        std::optional<Chunk> chunk;  // set once; then `wanted` is, too
        bool wanted = false;
        bool abandoned = false;  // nobody takes the rest
        std::exception_ptr failure;
        std::deque<std::unique_ptr<DecodedBatch>> batches;
    };

    void work();
    void open_chunk(size_t number, Job& job);
    void decode(Job& job, BatchDecoder& decoder);
    const DecodedBatch& next_batch();
    std::unique_ptr<DecodedBatch> free_batch();

    const BlockTable& blocks_;
    const Options options_;
    const Open open_;
    const Wanted wanted_;
    std::mutex mutex_;  // for all that follows
    std::condition_variable for_analysis_;
    std::condition_variable for_decoders_;
    std::map<size_t, std::shared_ptr<Job>>
        jobs_;  // by number of the chunk; those that are begun and not over
    std::vector<std::unique_ptr<DecodedBatch>> free_;
    size_t next_job_;    // the chunk that the next free thread takes
    size_t next_chunk_;  // the chunk that next() returns
    bool ended_ = false;
    std::shared_ptr<Job> current_;                 // of the analysis
    std::unique_ptr<DecodedBatch> current_batch_;  // of the analysis
    BatchCursor cursor_;                           // of the analysis
    std::vector<std::jthread> threads_;
};

}  // namespace panda::trace
