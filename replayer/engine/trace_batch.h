// What goes from the replay's thread to those that make the trace of it: a ring full of records, and what is
// rare, each with its place among the records.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "replayer/engine/trace_block.h"
#include "trace/event.h"
#include "trace/inner_event.h"
#include "trace/types.h"
#include "trace/writing/stretch.h"

namespace panda::engine {

// Something that happened when `offset` bytes of the ring were written.
struct Aside {
    enum class When : uint8_t {
        inside,   // in the execution of the record before `offset`; if that is done, between two of them
        after,    // and that execution is done
        between,  // as after; nothing may be running
    };
    enum class Kind : uint8_t { inner, cut, event, memory_map, check, registers, check_registers };

    uint32_t offset = 0;
    When when = When::inside;
    Kind kind = Kind::event;
    // inner: what happened; its place follows from the linear address of its instruction, 0: before the
    // block.
    trace::InnerKind inner = trace::InnerKind::fill;
    uint8_t size = 0;
    // cut: instructions that were left. check: instructions executed. event, if the address space changes: which one
    // that is to the filter.
    uint64_t address = 0;
    // event, registers, check_registers: index into the batch's list. memory_map: its number, and its address
    // space in size.
    uint64_t value = 0;
    uint64_t value_high = 0;
    uint64_t pc = 0;
};

// What the collector needs of a block; the trace's definition has the rest.
struct TracedBlock {
    uint64_t pc;
    uint64_t flags;
    std::vector<uint16_t> instruction_offsets;
    std::vector<trace::MemoryOperation> operations;
    std::vector<trace::RegisterChange> changes;
    std::vector<bool> before;   // of its operations: GlueOperation::before
    uint32_t words = 0;         // of its record
    uint32_t record_bytes = 0;  // of it, with its head

    uint32_t instruction_count() const { return static_cast<uint32_t>(instruction_offsets.size()); }
};

// What a batch has if a stretch of the trace starts with it.
struct StretchBegin {
    trace::StretchStart start;
    uint64_t address_space = 0;  // to the filter
    std::promise<trace::EncodedStretch> encoded;
};

struct Batch {
    struct Free {
        void operator()(std::byte* ring) const { std::free(ring); }
    };

    Batch()
        : ring(static_cast<std::byte*>(
              std::aligned_alloc(2 * glue_trace_ring_bytes, 2 * glue_trace_ring_bytes))) {
        if (!ring)
            throw std::bad_alloc();
    }
    // Makes it empty, as the tracer wants it. What the ring holds does not matter.
    void clear() {
        used = 0;
        begins.reset();
        ends = false;
        blocks.clear();
        asides.clear();
        events.clear();
        registers.clear();
        block_registers.clear();
    }

    std::unique_ptr<std::byte, Free> ring;
    uint32_t used = 0;                                       // bytes of it
    std::optional<StretchBegin> begins;                      // a stretch, with this batch
    bool ends = false;                                       // it ends with this batch
    std::vector<std::shared_ptr<const TracedBlock>> blocks;  // that the collector does not know yet
    std::vector<Aside> asides;                               // by ascending offset
    std::vector<trace::Event> events;
    std::vector<trace::FollowedValues> registers;
    // For each record, if registers are traced: 1 << number of those that differ from the record's before (in
    // a stretch's first batch the first record has all), and their values.
    std::vector<uint64_t> block_registers;
};

}  // namespace panda::engine
