// The second thread of tracing: reads the records that translated code left in the ring, and gives them to
// the trace's writer together with what happened between and inside of them.
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "replayer/engine/trace_batch.h"
#include "trace/bounded_queue.h"
#include "trace/writer.h"

namespace panda::engine {

// Which executions a trace is to have; all by default.
struct TraceFilter {
    std::optional<uint64_t> address_space;  // CR3, without its low 12 bits
    bool user = true;
    bool kernel = true;

    bool everything() const { return !address_space && user && kernel; }
};

class TraceCollector {
  public:
    // writer: outlives the collector, which alone calls it between the first put() and settle().
    TraceCollector(trace::TraceWriter& writer, trace::MemoryColumns memory, const TraceFilter& filter);
    ~TraceCollector();
    TraceCollector(const TraceCollector&) = delete;
    TraceCollector& operator=(const TraceCollector&) = delete;

    // An empty batch; waits when all are with the collector. Throws what failed there.
    std::unique_ptr<Batch> take();
    void put(std::unique_ptr<Batch> batch);
    // Before the first put(): the address space at the begin.
    void set_address_space(uint64_t cr3) { address_space_ = cr3; }
    // Waits until all that was put is in the trace; the writer may be called until the next put(). Throws
    // what failed.
    void settle();

  private:
    void take_back();
    void run();
    void process(Batch& batch);
    void define(std::vector<TracedBlock>& blocks);
    uint32_t record_bytes(uint32_t id) const;
    void append(const std::byte* record);
    size_t append_all(std::span<const std::byte> records, bool leave_last);
    void append_cut(std::byte* record, uint64_t instructions_left);
    bool wanted(uint32_t id) const;
    void flush_skipped();
    void flush_inner();
    void handle(const Aside& aside, Batch& batch, const std::byte* current);
    trace::InnerEvent inner_event(const Aside& aside, uint32_t id) const;

    static constexpr size_t batch_count = 8;

    trace::TraceWriter& writer_;
    const trace::MemoryColumns memory_;
    const TraceFilter filter_;
    uint64_t address_space_ = 0;
    uint64_t skipped_ = 0;                  // instructions left out, which the writer does not know yet
    std::vector<TracedBlock> blocks_;       // by id; without their code
    std::vector<uint32_t> record_bytes_;    // by id
    std::vector<trace::InnerEvent> inner_;  // of the execution that is not appended yet
    uint32_t last_ = 0;                     // the block appended last

    std::vector<std::unique_ptr<Batch>> spare_;  // the tracer's
    size_t away_ = 0;                            // batches with the collector
    trace::BoundedQueue<std::unique_ptr<Batch>> full_{batch_count};
    trace::BoundedQueue<std::unique_ptr<Batch>> empty_{batch_count};
    std::thread thread_;
};

}  // namespace panda::engine
