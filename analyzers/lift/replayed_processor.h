// The processor's state of a Runner, by the registers that a trace tells. Internal to the check.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "analyzers/lift/runner.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/memory/address_space.h"
#include "trace/reading/chunk.h"

namespace panda::lift {

class ReplayedProcessor {
  public:
    // Both must outlive this.
    ReplayedProcessor(Runner& runner, const StateLayout& layout);

    // Takes all registers, as a trace tells them where a chunk starts. known: what is here already is right, and has exceptions of
    // SSE that the trace may not have yet.
    void load(const trace::CpuState& cpu, bool known);
    // Takes what a trace tells at the start of each execution, and what follows from its block.
    void start(const trace::BlockRegisters& registers, const trace::BlockView& block);
    // Takes what an event changes.
    void take(const trace::Event& event);
    // rip, an offset in cs.
    void set_pc(uint64_t rip) { runner_.set<uint64_t>(pc_, rip); }
    bool real_mode() const { return (runner_.get<uint64_t>(control_[0]) & 1) == 0; }
    // Does what the processor does when it delivers an interrupt or an exception: the new cs and ss. memory: where the table of
    // gates is; without it only ss changes.
    void deliver(uint32_t vector, const trace::AddressSpace& memory);

    // Does what the processor does when it enters system management mode. The next block says where its code segment is.
    void enter_system_management();

    // How the general registers, rflags or the pc differ from what the trace tells at the start of the next execution; nothing
    // if they do not.
    std::optional<std::string> difference(const trace::BlockRegisters& registers, uint64_t pc) const;
    // How segments, floating point or vectors differ from those at a chunk's start; nothing if they do not.
    std::optional<std::string> difference(const trace::CpuState& cpu) const;

  private:
    struct Segment {
        int64_t selector, base, limit, flags;
    };

    Runner& runner_;
    const StateLayout& layout_;
    std::array<int64_t, 16> general_{};
    std::array<Segment, 6> segments_{};
    std::array<int64_t, 5> control_{};
    int64_t pc_ = 0, efer_ = 0, gates_ = 0, task_ = 0, management_base_ = 0;
    bool entering_management_ = false;
};

}  // namespace panda::lift
