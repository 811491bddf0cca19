#include "analyzers/callstack/flow.h"

namespace panda::callstack {
namespace {

// QEMU's target/i386/cpu.h.
constexpr uint64_t privilege_mask = 3;          // HF_CPL_MASK
constexpr uint64_t code64 = uint64_t{1} << 15;  // HF_CS64_MASK

bool is_prefix(uint8_t byte, bool wide) {
    switch (byte) {
        case 0x26:  // segments
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0x66:  // operand size, address size
        case 0x67:
        case 0xf0:  // lock, repeat
        case 0xf2:
        case 0xf3:
            return true;
        default:
            return wide && (byte & 0xf0) == 0x40;  // REX
    }
}

// Whether all bytes are 0: a call's distance.
bool is_zero(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes)
        if (byte != std::byte{0})
            return false;
    return true;
}

// Opcode 0xff: the middle bits of the byte behind it say what it does.
FlowKind kind_of_group5(unsigned operation) {
    switch (operation) {
        case 2:  // near
        case 3:  // far
            return FlowKind::call;
        case 4:
        case 5:
            return FlowKind::indirect_jump;
        default:
            return FlowKind::plain;
    }
}

FlowKind kind_of(std::span<const std::byte> code, bool wide) {
    const auto at = [&](size_t index) { return std::to_integer<uint8_t>(code[index]); };
    size_t start = 0;
    while (start < code.size() && is_prefix(at(start), wide))
        ++start;
    code = code.subspan(start);
    if (code.empty())
        return FlowKind::plain;
    switch (at(0)) {
        case 0xe8:
            return is_zero(code.subspan(1)) ? FlowKind::plain : FlowKind::call;
        case 0x9a:  // far
            return wide ? FlowKind::plain : FlowKind::call;
        case 0xc2:
        case 0xc3:
        case 0xca:  // far
        case 0xcb:
            return FlowKind::ret;
        case 0xcf:
            return FlowKind::interrupt_return;
        case 0xff:
            return code.size() < 2 ? FlowKind::plain : kind_of_group5(at(1) >> 3 & 7);
        case 0x0f:
            return code.size() >= 2 && at(1) == 0xaa ? FlowKind::interrupt_return : FlowKind::plain;  // rsm
        default:
            return FlowKind::plain;
    }
}

}  // namespace

Flow flow_of(const trace::BlockView& block) {
    Flow flow;
    flow.user = (block.flags & privilege_mask) == 3;
    if (block.code.empty() || block.instruction_offsets.empty())
        return flow;
    const uint16_t offset = block.instruction_offsets.back();
    if (offset >= block.code.size())
        return flow;
    flow.last = static_cast<uint16_t>(block.instruction_offsets.size() - 1);
    flow.pc = block.pc + offset;
    flow.return_address = block.pc + block.code.size();
    flow.kind = kind_of(block.code.subspan(offset), (block.flags & code64) != 0);
    return flow;
}

void Flows::grow() {
    for (auto id = static_cast<uint32_t>(flows_.size()); id < blocks_->size(); ++id)
        flows_.push_back(flow_of((*blocks_)[id]));
}

}  // namespace panda::callstack
