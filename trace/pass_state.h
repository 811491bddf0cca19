// The machine as a pass over a trace has reached it.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/block_table.h"
#include "trace/chunk.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/types.h"

namespace panda::trace {

// What an analyzer may ask for in its callbacks. Belongs to one shard, and so to one thread.
class PassState {
  public:
    // Both outlive this.
    PassState(const TraceHeader& header, const BlockTable& blocks) : header_(header), blocks_(blocks) {}
    PassState(const PassState&) = delete;
    PassState& operator=(const PassState&) = delete;

    const TraceHeader& header() const { return header_; }
    const BlockTable& blocks() const { return blocks_; }
    // Instructions executed: in on_block the block's first, in on_event the event's.
    uint64_t instr() const { return instr_; }
    // CR3 as it was loaded last, flag and PCID bits included. See also asid().
    uint64_t cr3() const { return cr3_; }
    // The address space: CR3 without flag and PCID bits.
    uint64_t asid() const { return asid_of(header_, cr3_); }

    // --- For whoever drives the pass ---

    void start(const ChunkSummary& chunk) {
        instr_ = chunk.first_instr;
        if (!chunk.address_spaces.empty())
            cr3_ = chunk.address_spaces.front();
    }
    void set_instr(uint64_t instr) { instr_ = instr; }
    void apply(const Event& event) {
        instr_ = event.instr;
        if (const auto* change = std::get_if<AddressSpaceChange>(&event.detail))
            cr3_ = change->cr3;
    }

    // CR3 without flag and PCID bits: in 64-bit guests the physical address of the top table, in 32-bit ones
    // a multiple of 32 (PAE).
    static uint64_t asid_of(const TraceHeader& header, uint64_t cr3) {
        return cr3 & (header.architecture == "i386" ? 0xffff'ffe0 : 0x000f'ffff'ffff'f000);
    }

  private:
    const TraceHeader& header_;
    const BlockTable& blocks_;
    uint64_t instr_ = 0;
    uint64_t cr3_ = 0;
};

}  // namespace panda::trace
