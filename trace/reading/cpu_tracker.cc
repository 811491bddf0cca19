#include "trace/reading/cpu_tracker.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

namespace panda::trace {
namespace {

// QEMU's hflags (target/i386/cpu.h).
constexpr uint64_t privilege_mask = 3;  // HF_CPL_MASK

bool is_swapgs(std::span<const std::byte> code) {
    return code.size() >= 3 && code[0] == std::byte{0x0f} && code[1] == std::byte{0x01} &&
           code[2] == std::byte{0xf8};
}

// How many of the block's instructions [first, last) are swapgs.
unsigned count_swapgs(const BlockView& block, uint32_t first, uint32_t last) {
    unsigned count = 0;
    for (size_t i = first; i < std::min<size_t>(last, block.instruction_offsets.size()); ++i)
        if (block.instruction_offsets[i] < block.code.size())
            count += is_swapgs(block.code.subspan(block.instruction_offsets[i])) ? 1 : 0;
    return count;
}

}  // namespace

void CpuTracker::start(const ChunkSummary& chunk) {
    if (chunk.cpu) {
        cpu_ = *chunk.cpu;
        moved_ = false;
        last_ = BlockExecution();
        advanced_ = 0;
    } else if (!chunk.address_spaces.empty()) {
        cpu_.cr3 = chunk.address_spaces.front();
    }
}

bool CpuTracker::has_swapgs(uint32_t id) {
    if (id >= swapgs_.size())
        swapgs_.resize(blocks_.size());
    if (swapgs_[id] == 0)
        swapgs_[id] = count_swapgs(blocks_[id], 0, ~uint32_t{0}) != 0 ? 2 : 1;
    return swapgs_[id] == 2;
}

void CpuTracker::advance(uint32_t executed) {
    executed = std::min(executed, last_.executed);
    if (executed <= advanced_)
        return;
    if (has_swapgs(last_.id) && count_swapgs(blocks_[last_.id], advanced_, executed) % 2 != 0)
        std::swap(cpu_.segments[gs].base, cpu_.kernel_gs_base);
    moved_ = true;
    advanced_ = executed;
}

void CpuTracker::on_event(const Event& event) {
    if (event.instr > last_.instr)
        advance(static_cast<uint32_t>(std::min<uint64_t>(event.instr - last_.instr, last_.executed)));
    if (const auto* change = std::get_if<AddressSpaceChange>(&event.detail)) {
        cpu_.cr3 = change->cr3;
    } else if (const auto* mode = std::get_if<ModeChange>(&event.detail)) {
        cpu_.cr0 = mode->cr0;
        cpu_.cr4 = mode->cr4;
        cpu_.efer = mode->efer;
        cpu_.system_management = mode->system_management;
    } else if (const auto* exception = std::get_if<Exception>(&event.detail)) {
        cpu_.cr2 = exception->cr2;
    }
}

void CpuTracker::start(const CpuState& cpu) {
    cpu_ = cpu;
    moved_ = false;
    last_ = BlockExecution();
    advanced_ = 0;
}

CpuState CpuTracker::cpu() const {
    if (!moved_)
        return cpu_;
    CpuState cpu = cpu_;
    cpu.general.fill(0);
    cpu.floating.reset();
    cpu.rflags = 0;
    const BlockView block = blocks_[last_.id];
    const uint64_t offset = advanced_ < block.instruction_offsets.size()
                                ? block.instruction_offsets[advanced_]
                                : block.guest_size;
    cpu.rip = block.pc - block.cs_base + offset;
    cpu.segments[cs].base = block.cs_base;
    const auto privilege = static_cast<uint32_t>(block.flags & privilege_mask);
    for (const auto segment : {cs, ss})
        cpu.segments[segment].selector = (cpu.segments[segment].selector & ~uint32_t{3}) | privilege;
    return cpu;
}

}  // namespace panda::trace
