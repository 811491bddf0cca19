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

// What an analyzer may ask for in its callbacks. Belongs to one shard, and so to one thread, and goes away
// with it.
class PassState {
  public:
    // All outlive this; maps may grow.
    PassState(const TraceHeader& header, const BlockTable& blocks, const std::vector<MemoryMap>& maps,
              PassNeeds needs);
    PassState(const PassState&) = delete;
    PassState& operator=(const PassState&) = delete;

    const TraceHeader& header() const { return header_; }
    const BlockTable& blocks() const { return blocks_; }
    // Instructions executed: in on_block and on_accesses before the block, in on_event before the event.
    uint64_t instr() const { return instr_; }
    // CR3 as it was loaded last, flag and PCID bits included. See also asid().
    uint64_t cr3() const { return cr3_; }
    // The address space: CR3 without flag and PCID bits.
    uint64_t asid() const { return asid_of(header_, cr3_); }
    // CR3 without flag and PCID bits: in 64-bit guests the physical address of the top table, in 32-bit ones
    // a multiple of 32 (PAE).
    static uint64_t asid_of(const TraceHeader& header, uint64_t cr3) {
        return cr3 & (header.architecture == "i386" ? 0xffff'ffe0 : 0x000f'ffff'ffff'f000);
    }

    // --- With PassNeeds::memory ---

    // Whether memory is known: not before the first snapshot, and not between a gap and the next one.
    bool memory_known() const { return memory_known_; }
    // Guest memory, for introspection: as it is before the block in on_block and on_accesses, and right after
    // the event in on_event. Throws Error when it is not known.
    const MemoryFollower& memory() const;
    // Registers, as far as the trace tells them: see CpuTracker. In on_event those where the event happened.
    // Throws Error when it was not asked for.
    CpuState cpu() const;
    // The address space that the processor is in. Throws Error when memory is not known.
    AddressSpace address_space() const;

    // --- With `needs_registers` ---

    // The registers with which the current block began. Throws Error when the analyzer does not ask for them,
    // and before the first block.
    const BlockRegisters& registers() const {
        if (registers_ == nullptr) [[unlikely]]
            throw_no_registers();
        return *registers_;
    }

    // --- For whoever drives the pass ---

    // Memory and registers at a snapshot.
    void restore(const GuestMemory& memory, const CpuState& cpu);
    void start(const Chunk& chunk);
    void begin_block(const BlockExecution& block) {
        instr_ = block.instr;
        if (cpu_)
            cpu_->begin_block(block);
    }
    // What the begun block did, or the next part of it.
    void apply(std::span<const Access> accesses) {
        if (memory_known_)
            follower_->apply(accesses);
    }
    void apply(const Event& event);
    // Of an analyzer that needs registers: at a chunk's begin, after begin_block(), and at the chunk's end.
    // Throws FileError, also when the trace was made without.
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

    const TraceHeader& header_;
    const BlockTable& blocks_;
    uint64_t instr_ = 0;
    uint64_t cr3_ = 0;
    std::optional<MemoryFollower> follower_;
    bool memory_known_ = false;
    std::optional<CpuTracker> cpu_;
    std::optional<RegisterCursor> register_cursor_;
    const BlockRegisters* registers_ = nullptr;  // of the current block
};

}  // namespace panda::trace
