#include "trace/proof/block_modes.h"

#include <array>
#include <variant>

namespace panda::trace {
namespace {

constexpr unsigned long_mode_bit = 4;  // bits 0 to 3 are those of CR0
constexpr unsigned system_management_bit = 5;

// Where QEMU's hflags hold the bits of a mode, from bit 0 on: HF_PE, HF_MP, HF_EM, HF_TS, HF_LMA, HF_SMM.
constexpr std::array<unsigned, 6> flag_bits = {7, 9, 10, 11, 14, 19};

uint8_t mode_of(uint64_t flags) {
    unsigned mode = 0;
    for (unsigned bit = 0; bit < flag_bits.size(); ++bit)
        mode |= static_cast<unsigned>(flags >> flag_bits[bit] & 1) << bit;
    return static_cast<uint8_t>(mode);
}

}  // namespace

void BlockModes::set(uint64_t cr0, uint64_t efer, bool system_management) {
    constexpr unsigned long_mode_active = 10;  // EFER.LMA
    const auto low = static_cast<unsigned>(cr0 & 0xf);
    const auto long_mode = static_cast<unsigned>(efer >> long_mode_active & 1);
    mode_ = static_cast<uint8_t>(low | long_mode << long_mode_bit |
                                 (system_management ? 1u : 0u) << system_management_bit);
    known_ = true;
}

void BlockModes::start(const ChunkSummary& chunk) {
    if (chunk.cpu)
        set(chunk.cpu->cr0, chunk.cpu->efer, chunk.cpu->system_management);
}

void BlockModes::on_event(const Event& event) {
    if (const auto* mode = std::get_if<ModeChange>(&event.detail))
        set(mode->cr0, mode->efer, mode->system_management);
    else if (std::holds_alternative<Gap>(event.detail))
        known_ = false;
}

void BlockModes::grow() {
    for (auto id = static_cast<uint32_t>(modes_.size()); id < blocks_.size(); ++id)
        modes_.push_back(mode_of(blocks_[id].flags));
}

}  // namespace panda::trace
