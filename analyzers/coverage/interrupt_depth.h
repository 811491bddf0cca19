// Whether the code that runs serves an interrupt or an exception.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "analyzers/callstack/flow.h"
#include "analyzers/coverage/selection.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::coverage {

// Keeps a stack of what was entered and not left, for each address space, as PANDA's plugin track_intexc does. A block
// that ends in an interrupt's return takes off the last one; code of a program has none. Part of an analyzer of one
// thread, which passes its callbacks on.
class InterruptDepth {
  public:
    enum class Kind : uint8_t { none, interrupt, exception };

    // blocks: must outlive this, and may grow.
    explicit InterruptDepth(const trace::BlockTable& blocks) : blocks_(&blocks), flows_(blocks) {}

    // asid: in which the block runs. Returns what the block serves.
    Kind on_block(const trace::BlockExecution& block, uint64_t asid) {
        if (returned_) [[unlikely]] {
            returned_ = false;
            if (auto& entered = entered_[asid]; !entered.empty())
                entered.pop_back();
        }
        const callstack::Flow& flow = flows_[block.id];
        auto& entered = entered_[asid];
        if (flow.user) {
            entered.clear();
            return Kind::none;
        }
        returned_ = flow.kind == callstack::FlowKind::interrupt_return && block.executed == flow.last + 1u;
        return entered.empty() ? Kind::none : entered.back();
    }
    // asid: that in which the event happened.
    void on_event(const trace::Event& event, uint64_t asid) {
        if (std::holds_alternative<trace::Interrupt>(event.detail))
            enter(Kind::interrupt, asid);
        else if (std::holds_alternative<trace::Exception>(event.detail))
            enter(Kind::exception, asid);
        else if (std::holds_alternative<trace::Reset>(event.detail) ||
                 std::holds_alternative<trace::Gap>(event.detail))
            entered_.clear();
    }

  private:
    static constexpr size_t max_depth = 64;  // a guest without a stack may fault without end

    void enter(Kind kind, uint64_t asid) {
        returned_ = false;
        if (auto& entered = entered_[asid]; entered.size() < max_depth)
            entered.push_back(kind);
    }

    const trace::BlockTable* blocks_;
    callstack::Flows flows_;
    std::unordered_map<uint64_t, std::vector<Kind>> entered_;  // by address space
    bool returned_ = false;  // the last block ended in an interrupt's return
};

}  // namespace panda::coverage
