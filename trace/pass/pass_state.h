// The machine as a pass over a trace has reached it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/coding/block_table.h"
#include "trace/event.h"
#include "trace/memory/address_space.h"
#include "trace/pass/contract.h"
#include "trace/pass/memory_follower.h"
#include "trace/reading/chunk.h"
#include "trace/reading/cpu_tracker.h"
#include "trace/reading/register_cursor.h"
#include "trace/types.h"

namespace panda::trace {

// What an analyzer may ask for in its callbacks. It belongs to one shard, and so to one thread, and it goes
// away with the shard.
class PassState {
  public:
    // header, blocks, maps: of the trace. All must outlive this; maps may grow.
    PassState(const TraceHeader& header, const BlockTable& blocks, const std::vector<MemoryMap>& maps,
              PassNeeds needs);
    PassState(const PassState&) = delete;
    PassState& operator=(const PassState&) = delete;

    const TraceHeader& header() const { return header_; }
    const BlockTable& blocks() const { return blocks_; }
    // Instructions executed before the current block, or before the last event if that came later.
    uint64_t instr() const { return instr_; }
    // CR3 as it was loaded last, flag and PCID bits included. See also asid().
    uint64_t cr3() const { return cr3_; }
    // The address space: CR3 without flag and PCID bits, in the mode that the processor is in.
    uint64_t asid() const { return asid_of(cr3_); }
    // The address space that some value of CR3 stands for in that mode.
    uint64_t asid_of(uint64_t cr3) const { return cr3 & asid_bits_; }

    // --- With PassNeeds::memory ---

    // Whether memory is known. It is not known before the first snapshot, nor between a gap and the next
    // snapshot.
    bool memory_known() const { return memory_known_; }
    // Guest memory, for introspection: as it is before the block in on_block, before these accesses in
    // on_accesses and behind them in after_accesses, and right after the event in on_event. Throws Error when
    // memory is not known.
    const MemoryFollower& memory() const;
    // Registers, as far as the trace has them: see CpuTracker. In on_event, those at the event's instr.
    // Throws Error without PassNeeds::memory.
    CpuState cpu() const;
    // The same where the trace tells all of them, with floating point and vectors: at a chunk's start, in the callbacks of its
    // first execution. Else null. Valid until the callback returns. Throws Error without PassNeeds::memory.
    const CpuState* whole_cpu() const;
    // The address space that the processor is in. Throws Error when memory is not known.
    AddressSpace address_space() const;

    // --- With `needs_registers` ---

    // The registers at the start of the current execution. Throws Error when the analyzer did not ask for
    // them, and before the first execution.
    const BlockRegisters& registers() const {
        if (registers_ == nullptr) [[unlikely]]
            throw_no_registers();
        return *registers_;
    }

    // --- For the code that drives the pass ---

    // Continues from the memory and the registers of a snapshot. Does nothing without PassNeeds::memory.
    void restore(const GuestMemory& memory, const CpuState& cpu);
    // Starts a chunk. Throws Error when memory is known and the chunk has no values of stores; else as
    // MemoryFollower::start().
    void start(const Chunk& chunk);
    // Starts an execution.
    void begin_block(const BlockExecution& block) {
        instr_ = block.instr;
        if (cpu_)
            cpu_->begin_block(block);
    }
    // What the current execution did to memory, or the next part of it.
    void apply(std::span<const Access> accesses) {
        if (memory_known_)
            follower_->apply(accesses);
    }
    // The same, and returns the loads and stores whose values are known, valid until the next call.
    std::span<const Access> apply_with_values(std::span<const Access> accesses) {
        return memory_known_ ? follower_->apply_with_values(accesses) : stores_of(accesses);
    }
    // What an event changes.
    void apply(const Event& event);
    // For an analyzer that needs registers: called at a chunk's start, after begin_block(), and at the
    // chunk's end. They throw FileError for damage, and when the trace was made without registers.
    void start_registers(const Chunk& chunk);
    void begin_block_registers(const BlockExecution& block) {
        registers_ = &register_cursor_->next(block.id);
    }
    void end_registers() const { register_cursor_->check_end(); }
    // Around the calls of apply() for executions of a group: see MemoryFollower.
    void begin_group(const AccessGroup& group, size_t first) {
        if (memory_known_)
            follower_->begin_group(group, first);
    }
    void end_group() {
        if (memory_known_)
            follower_->end_group();
    }

  private:
    [[noreturn]] static void throw_no_registers();
    std::span<const Access> stores_of(std::span<const Access> accesses);

    const TraceHeader& header_;
    const BlockTable& blocks_;
    uint64_t instr_ = 0;
    uint64_t cr3_ = 0;
    uint64_t asid_bits_;
    std::optional<MemoryFollower> follower_;
    bool memory_known_ = false;
    std::optional<CpuTracker> cpu_;
    std::optional<RegisterCursor> register_cursor_;
    const BlockRegisters* registers_ = nullptr;  // of the current block
    std::vector<Access> stores_;                 // of the last call of stores_of()
};

}  // namespace panda::trace
