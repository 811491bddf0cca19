// Counts along a trace: instructions by address space, by what they serve, and accesses to memory.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>

#include "analyzers/coverage/interrupt_depth.h"
#include "trace/access.h"
#include "trace/pass/pass_state.h"

namespace panda::execution {

// Instructions by address space; PANDA's plugin asid_instr_count. An analyzer (trace/pass/pass.h).
class AsidInstructions {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;

    explicit AsidInstructions(const trace::PassState& state) : state_(&state) {}

    void on_block(const trace::BlockExecution& block) {
        const uint64_t asid = state_->asid();
        if (asid != asid_ || count_ == nullptr) [[unlikely]] {
            asid_ = asid;
            count_ = &counts_[asid];
        }
        *count_ += block.executed;
    }
    void on_event(const trace::Event& event) {
        if (const auto* gap = std::get_if<trace::Gap>(&event.detail))
            left_out_ += gap->instructions;
    }
    void append(AsidInstructions&& next) {
        for (const auto& [asid, count] : next.counts_)
            counts_[asid] += count;
        left_out_ += next.left_out_;
    }

    const std::map<uint64_t, uint64_t>& counts() const { return counts_; }
    // Instructions that the trace does not have.
    uint64_t left_out() const { return left_out_; }

  private:
    const trace::PassState* state_;
    std::map<uint64_t, uint64_t> counts_;
    uint64_t asid_ = 0;
    uint64_t* count_ = nullptr;
    uint64_t left_out_ = 0;
};

// What code serves; PANDA's plugin track_intexc. An analyzer of one thread.
class ServedCode {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;
    using Kind = coverage::InterruptDepth::Kind;

    explicit ServedCode(const trace::PassState& state) : state_(&state), depth_(state.blocks()) {}

    struct Count {
        uint64_t blocks = 0;  // executions
        uint64_t instructions = 0;
        uint64_t entered = 0;  // how often such code began
    };

    void on_block(const trace::BlockExecution& block) {
        Count& count = counts_[static_cast<size_t>(depth_.on_block(block, state_->asid()))];
        ++count.blocks;
        count.instructions += block.executed;
    }
    void on_event(const trace::Event& event) {
        depth_.on_event(event, state_->asid());
        if (std::holds_alternative<trace::Interrupt>(event.detail))
            ++counts_[static_cast<size_t>(Kind::interrupt)].entered;
        if (std::holds_alternative<trace::Exception>(event.detail))
            ++counts_[static_cast<size_t>(Kind::exception)].entered;
    }
    void append(ServedCode&&) {}

    const Count& of(Kind kind) const { return counts_[static_cast<size_t>(kind)]; }

  private:
    const trace::PassState* state_;
    coverage::InterruptDepth depth_;
    std::array<Count, 3> counts_;
};

// Accesses to memory; PANDA's plugin memstats. An analyzer.
class MemoryStatistics : public trace::IgnoresEvents, public trace::IgnoresAfterAccesses {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::accesses;

    explicit MemoryStatistics(const trace::PassState& state) : state_(&state) {}

    struct Count {
        uint64_t loads = 0;
        uint64_t stores = 0;
        uint64_t bytes_read = 0;
        uint64_t bytes_written = 0;
    };

    void on_block(const trace::BlockExecution& block) {
        current_ = &counts_[coverage::is_user(state_->blocks()[block.id]) ? 1 : 0];
        instructions_ += block.executed;
    }
    void on_accesses(const trace::BlockExecution&, std::span<const trace::Access> accesses) {
        for (const trace::Access& access : accesses) {
            if (access.is_store()) {
                ++current_->stores;
                current_->bytes_written += access.size;
            } else if (access.kind == trace::AccessKind::load ||
                       access.kind == trace::AccessKind::helper_load) {
                ++current_->loads;
                current_->bytes_read += access.size;
            }
        }
    }
    void append(MemoryStatistics&& next) {
        for (size_t i = 0; i < counts_.size(); ++i) {
            counts_[i].loads += next.counts_[i].loads;
            counts_[i].stores += next.counts_[i].stores;
            counts_[i].bytes_read += next.counts_[i].bytes_read;
            counts_[i].bytes_written += next.counts_[i].bytes_written;
        }
        instructions_ += next.instructions_;
    }

    const Count& kernel() const { return counts_[0]; }
    const Count& user() const { return counts_[1]; }
    uint64_t instructions() const { return instructions_; }

  private:
    const trace::PassState* state_;
    std::array<Count, 2> counts_{};
    Count* current_ = counts_.data();
    uint64_t instructions_ = 0;
};

}  // namespace panda::execution
