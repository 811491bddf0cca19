// A thread that makes chunks: reads the records that translated code left in the ring, and encodes them
// together with what happened between and inside of them. A stretch of the trace, from the batch that starts
// it to the one that ends it, goes to one collector; others have the stretches before and after it.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "replayer/engine/batch_pool.h"
#include "replayer/engine/trace_batch.h"
#include "trace/writing/bounded_queue.h"
#include "trace/writing/stretch.h"

namespace panda::engine {

// Which executions a trace is to have; all by default.
struct TraceFilter {
    // CR3; its flag and PCID bits do not count, and under page table isolation both halves of a pair do.
    std::optional<uint64_t> address_space;
    bool user = true;
    bool kernel = true;

    bool everything() const { return !address_space && user && kernel; }
};

class TraceCollector {
  public:
    // options: those of the trace's writer. pool: outlives the collector; batches go back there.
    TraceCollector(const trace::WriterOptions& options, const TraceFilter& filter, BatchPool& pool);
    // Finishes what was put before.
    ~TraceCollector();
    TraceCollector(const TraceCollector&) = delete;
    TraceCollector& operator=(const TraceCollector&) = delete;

    // Takes the next batch of a stretch. An error fails the stretch (StretchBegin::encoded); the batch goes
    // back to the pool all the same.
    void put(std::unique_ptr<Batch> batch) {
        ++waiting_;
        full_.push(std::move(batch));
    }
    // How many batches are not done yet.
    size_t waiting() const { return waiting_; }

  private:
    void run();
    void take(Batch& batch);
    void begin(StretchBegin begin);
    void process(Batch& batch);
    uint32_t record_bytes(uint32_t id) const;
    void append(const std::byte* record);
    size_t append_all(std::span<const std::byte> records, bool leave_last);
    void append_cut(std::byte* record, uint64_t instructions_left);
    void take_registers();
    bool wanted(uint32_t id) const;
    void flush_skipped();
    void flush_inner();
    void handle(const Aside& aside, Batch& batch, const std::byte* current);
    trace::InnerEvent inner_event(const Aside& aside, uint32_t id) const;

    const trace::MemoryColumns memory_;
    const bool with_registers_;
    const TraceFilter filter_;
    trace::StretchEncoder encoder_;
    trace::ChunkBuilder& chunk_;                   // the encoder's
    std::promise<trace::EncodedStretch> encoded_;  // of the stretch at hand
    bool failed_ = false;
    uint64_t address_space_ = 0;
    uint64_t address_space_bits_ = ~uint64_t{0};  // of CR3, in the mode that the processor is in
    uint64_t skipped_ = 0;                        // instructions left out, which the chunk does not know yet
    std::vector<std::shared_ptr<const TracedBlock>> blocks_;  // by id
    std::vector<trace::InnerEvent> inner_;                    // of the execution that is not appended yet
    uint32_t last_ = 0;                                       // the block appended last
    trace::BlockRegisters registers_{};                       // of the record at hand
    std::span<const uint64_t> told_;  // of the batch's registers: those of the records to come

    BatchPool& pool_;
    trace::BoundedQueue<std::unique_ptr<Batch>> full_{SIZE_MAX};  // the pool bounds it
    std::atomic<size_t> waiting_{0};
    std::thread thread_;
};

}  // namespace panda::engine
