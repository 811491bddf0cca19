// Every instruction that was executed, with what it did to memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "trace/pass/pass.h"

namespace panda::execution {

// One instruction. Valid until the function that gets it returns.
struct ListedInstruction {
    uint64_t instr = 0;
    uint64_t asid = 0;
    uint64_t pc = 0;
    std::span<const std::byte> code;  // empty if it is not known
    // At a block's first instruction, where the trace is read with registers; else null.
    const trace::BlockRegisters* registers = nullptr;
    // Loads and stores whose values are known, in order; what the processor pushes for an interrupt is the first
    // instruction's of the handler.
    std::span<const trace::Access> accesses;
};
using TakeInstruction = std::function<void(const ListedInstruction&)>;

struct ListingOptions {
    std::optional<uint64_t> asid;  // only this address space
    bool user = true;              // code of programs
    bool kernel = true;            // other code
};

// Gathers the accesses of one block, which come in parts, and hands out its instructions in order. An instruction that an
// exception ended before its time is left out. For passes in order.
template <bool with_registers>
class Listing : public trace::IgnoresAfterAccesses, public trace::IgnoresEvents {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    static constexpr bool needs_registers = with_registers;

    // state, take: must outlive this.
    Listing(const trace::PassState& state, const ListingOptions& options, const TakeInstruction& take)
        : state_(&state), options_(&options), take_(&take) {}

    void on_block(const trace::BlockExecution& block) {
        finish();
        const bool user = (state_->blocks()[block.id].flags & 3) == 3;  // the privilege level
        listed_ = (user ? options_->user : options_->kernel) &&
                  (!options_->asid || state_->asid_of(*options_->asid) == state_->asid());
        if (!listed_)
            return;
        block_ = block;
        asid_ = state_->asid();
        if constexpr (with_registers)
            registers_ = state_->registers();
    }
    void on_accesses(const trace::BlockExecution&, std::span<const trace::Access>) {}
    void on_values(const trace::BlockExecution&, std::span<const trace::Access> accesses) {
        if (!listed_)
            return;
        for (const trace::Access& access : accesses)
            if (access.kind < trace::AccessKind::table_write)
                accesses_.push_back(access);
    }
    void append(Listing&&) {}

    // Hands out the last block. To be called once more when the pass is over.
    void finish() {
        if (!listed_)
            return;
        listed_ = false;
        const trace::BlockView view = state_->blocks()[block_.id];
        size_t first = 0;
        for (uint32_t number = 0; number < block_.executed; ++number) {
            size_t last = first;
            while (last < accesses_.size() && accesses_[last].instruction <= number)
                ++last;
            const uint32_t start = view.instruction_offsets[number];
            const uint32_t end = number + 1 < view.instruction_offsets.size()
                                     ? view.instruction_offsets[number + 1]
                                     : view.guest_size;
            ListedInstruction listed;
            listed.instr = block_.instr + number;
            listed.asid = asid_;
            listed.pc = view.pc + start;
            if (!view.code.empty())
                listed.code = view.code.subspan(start, end - start);
            if (with_registers && number == 0)
                listed.registers = &registers_;
            listed.accesses = std::span(accesses_).subspan(first, last - first);
            (*take_)(listed);
            first = last;
        }
        accesses_.clear();
    }

  private:
    const trace::PassState* state_;
    const ListingOptions* options_;
    const TakeInstruction* take_;
    bool listed_ = false;
    trace::BlockExecution block_{};
    uint64_t asid_ = 0;
    trace::BlockRegisters registers_{};
    std::vector<trace::Access> accesses_;
};

}  // namespace panda::execution
