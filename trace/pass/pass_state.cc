#include "trace/pass/pass_state.h"

#include "common/error.h"

namespace panda::trace {

PassState::PassState(const TraceHeader& header, const BlockTable& blocks, const std::vector<MemoryMap>& maps,
                     PassNeeds needs)
    : header_(header), blocks_(blocks) {
    // Until the trace tells more: 32-bit guests may use PAE.
    asid_bits_ = page_table_bits(~uint64_t{0}, header.architecture == "i386" ? 0 : ~uint64_t{0});
    if (needs != PassNeeds::memory)
        return;
    follower_.emplace(header, maps);
    cpu_.emplace(blocks);
}

const MemoryFollower& PassState::memory() const {
    if (!memory_known_)
        throw Error("guest memory is not known at instr " + std::to_string(instr_) +
                    ": there is no snapshot before it, or the trace leaves out instructions");
    return *follower_;
}

void PassState::throw_no_registers() {
    throw Error("registers are not known here: the analyzer must ask for them (needs_registers)");
}

CpuState PassState::cpu() const {
    if (!cpu_)
        throw Error("registers are not followed in this pass");
    return cpu_->cpu();
}

const CpuState* PassState::whole_cpu() const {
    if (!cpu_)
        throw Error("registers are not followed in this pass");
    return cpu_->whole();
}

AddressSpace PassState::address_space() const {
    if (!cpu_)
        throw Error("registers are not followed in this pass");
    return {memory(), cr3_, paging_of(cpu_->control())};
}

void PassState::restore(const GuestMemory& memory, const CpuState& cpu) {
    if (!follower_)
        return;
    follower_->restore(memory);
    cpu_->start(cpu);
    cr3_ = cpu.cr3;
    asid_bits_ = page_table_bits(cpu.cr4, cpu.efer);
    memory_known_ = true;
}

void PassState::start(const Chunk& chunk) {
    const ChunkSummary& summary = chunk.summary();
    instr_ = summary.first_instr;
    if (!summary.address_spaces.empty())
        cr3_ = summary.address_spaces.front();
    if (summary.cpu)
        asid_bits_ = page_table_bits(summary.cpu->cr4, summary.cpu->efer);
    if (cpu_)
        cpu_->start(summary);
    if (!memory_known_)
        return;
    if (summary.memory != MemoryColumns::values)
        throw Error(
            "does not hold the values that were stored, so memory cannot be followed (--columns full)");
    follower_->start(chunk);
}

std::span<const Access> PassState::stores_of(std::span<const Access> accesses) {
    stores_.clear();
    for (const Access& access : accesses)
        if (access.is_store())
            stores_.push_back(access);
    return stores_;
}

void PassState::apply(const Event& event) {
    instr_ = event.instr;
    if (const auto* change = std::get_if<AddressSpaceChange>(&event.detail))
        cr3_ = change->cr3;
    else if (const auto* mode = std::get_if<ModeChange>(&event.detail))
        asid_bits_ = page_table_bits(mode->cr4, mode->efer);
    if (cpu_)
        cpu_->on_event(event);
    if (!memory_known_)
        return;
    if (std::holds_alternative<Gap>(event.detail))
        memory_known_ = false;
    else
        follower_->apply(event);
}

void PassState::start_registers(const Chunk& chunk) {
    if (!register_cursor_)
        register_cursor_.emplace();
    register_cursor_->start(chunk);
}

}  // namespace panda::trace
