// Accesses to devices by memory; PANDA's plugin mmio_trace.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/pass/pass_state.h"

namespace panda::execution {

struct MmioAccess {
    uint64_t instr = 0;
    uint64_t pc = 0;
    bool write = false;
    uint64_t physical = 0;
    uint64_t virtual_address = trace::no_address;  // no_address: not known
    uint32_t size = 0;                             // bytes
    uint64_t value = 0;
    uint64_t asid = 0;
};

// What a PC has at a physical address; "" for anything else.
const char* device_at(uint64_t physical);

// An analyzer (trace/pass/pass.h).
class MmioTrace {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::accesses;

    // state: must outlive this.
    explicit MmioTrace(const trace::PassState& state) : state_(&state) {}

    void on_block(const trace::BlockExecution& block) {
        block_ = block;
        seen_.clear();
        if (pending_ != found_.size()) [[unlikely]]
            begin_pending();
    }
    // The access may be told before the event and after it.
    void on_accesses(const trace::BlockExecution&, std::span<const trace::Access> accesses) {
        seen_.insert(seen_.end(), accesses.begin(), accesses.end());
    }
    void after_accesses(const trace::BlockExecution&) {
        if (pending_ != found_.size()) [[unlikely]]
            find_addresses();
    }
    void on_event(const trace::Event& event);
    void append(MmioTrace&& next) { found_.insert(found_.end(), next.found_.begin(), next.found_.end()); }

    const std::vector<MmioAccess>& found() const { return found_; }

  private:
    void begin_pending();
    void find_pc(MmioAccess& access) const;
    void find_addresses();

    const trace::PassState* state_;
    trace::BlockExecution block_;
    std::vector<trace::Access> seen_;  // of the current execution
    std::vector<MmioAccess> found_;
    size_t pending_ = 0;  // the first one whose address is not known yet
};

}  // namespace panda::execution
