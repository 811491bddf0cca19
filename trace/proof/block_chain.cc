#include "trace/proof/block_chain.h"

#include <cstring>
#include <span>
#include <variant>

namespace panda::trace {
namespace {

constexpr uint32_t no_block = ~uint32_t{0};

// QEMU's hflags (target/i386/cpu.h).
constexpr uint64_t code32_flag = uint64_t{1} << 4;   // HF_CS32_MASK
constexpr uint64_t code64_flag = uint64_t{1} << 15;  // HF_CS64_MASK

// An instruction's bytes behind its prefixes, and what the prefixes say.
struct Instruction {
    std::span<const std::byte> code;  // opcode first
    bool code64 = false;
    bool operand16 = false;  // operands of 16 bits
    bool repeat = false;

    // The byte at `index`; 0 behind the end.
    unsigned at(size_t index) const {
        return index < code.size() ? std::to_integer<unsigned>(code[index]) : 0;
    }
    int64_t displacement(size_t index, size_t size) const {
        if (index + size > code.size())
            return 0;
        int32_t wide = 0;
        std::memcpy(&wide, code.data() + index, size);
        const auto shift = static_cast<unsigned>(32 - 8 * size);
        return static_cast<int32_t>(static_cast<uint32_t>(wide) << shift) >> shift;
    }
    size_t branch_size() const { return operand16 ? 2 : 4; }
};

Instruction decode_prefixes(std::span<const std::byte> code, uint64_t flags) {
    Instruction instruction;
    instruction.code64 = (flags & code64_flag) != 0;
    const bool code32 = instruction.code64 || (flags & code32_flag) != 0;
    bool operand_prefix = false;
    for (; !code.empty(); code = code.subspan(1)) {
        const auto byte = std::to_integer<unsigned>(code[0]);
        if (byte == 0x66)
            operand_prefix = true;
        else if (byte == 0xf2 || byte == 0xf3)
            instruction.repeat = true;
        else if (byte != 0x67 && byte != 0xf0 && byte != 0x2e && byte != 0x36 && byte != 0x3e &&
                 byte != 0x26 && byte != 0x64 && byte != 0x65 &&
                 !(instruction.code64 && (byte & 0xf0) == 0x40))
            break;
    }
    // In 64-bit code branches have 32 bits, whatever the prefix says.
    instruction.operand16 = !instruction.code64 && code32 == operand_prefix;
    instruction.code = code;
    return instruction;
}

bool is_string(unsigned opcode) {
    return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
           (opcode >= 0xaa && opcode <= 0xaf);
}

// Returns, software interrupts, system calls, far and indirect branches.
bool leads_anywhere(const Instruction& instruction) {
    const unsigned opcode = instruction.at(0);
    const unsigned second = instruction.at(1);
    const unsigned extension = (second >> 3) & 7;
    switch (opcode) {
        case 0xc2:
        case 0xc3:
        case 0xca:
        case 0xcb:
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
        case 0xea:
        case 0x9a:
        case 0xf1:
            return true;
        case 0xff:
            return extension >= 2 && extension <= 5;
        case 0xc7:
            return second == 0xf8;  // xbegin
        case 0x0f:
            return second == 0x05 || second == 0x07 || second == 0x34 || second == 0x35 || second == 0xaa;
        default:
            return false;
    }
}

struct Branch {
    bool taken_only = false;
    int64_t displacement = 0;
};

std::optional<Branch> direct_branch(const Instruction& instruction) {
    const unsigned opcode = instruction.at(0);
    if ((opcode & 0xf0) == 0x70 || (opcode >= 0xe0 && opcode <= 0xe3))
        return Branch{false, instruction.displacement(1, 1)};
    if (opcode == 0xeb)
        return Branch{true, instruction.displacement(1, 1)};
    if (opcode == 0xe8 || opcode == 0xe9)
        return Branch{true, instruction.displacement(1, instruction.branch_size())};
    if (opcode == 0x0f && (instruction.at(1) & 0xf0) == 0x80)
        return Branch{false, instruction.displacement(2, instruction.branch_size())};
    return std::nullopt;
}

uint64_t wrap(uint64_t linear, bool code64) {
    return code64 ? linear : linear & 0xffff'ffff;
}

}  // namespace

Successors successors_of(const BlockView& block) {
    Successors successors;
    if (block.code.empty() || block.instruction_offsets.empty() ||
        block.instruction_offsets.back() >= block.code.size()) {
        successors.any = true;
        return successors;
    }
    const uint16_t last = block.instruction_offsets.back();
    const Instruction instruction = decode_prefixes(block.code.subspan(last), block.flags);
    if (leads_anywhere(instruction)) {
        successors.any = true;
        return successors;
    }
    const auto add = [&](uint64_t pc) { successors.targets[successors.count++] = pc; };
    const uint64_t next = block.pc + block.guest_size;
    const auto branch = direct_branch(instruction);
    if (!branch || !branch->taken_only)
        add(wrap(next, instruction.code64));
    if (branch) {
        uint64_t ip = next - block.cs_base + static_cast<uint64_t>(branch->displacement);
        if (!instruction.code64)
            ip &= instruction.operand16 ? 0xffff : 0xffff'ffff;
        add(wrap(block.cs_base + ip, instruction.code64));
    } else if (instruction.repeat && is_string(instruction.at(0))) {
        add(wrap(block.pc + last, instruction.code64));
    }
    return successors;
}

void BlockChain::on_event(const Event& event) {
    const bool leads_anywhere =
        std::holds_alternative<Interrupt>(event.detail) || std::holds_alternative<Exception>(event.detail) ||
        std::holds_alternative<Reset>(event.detail) || std::holds_alternative<Gap>(event.detail);
    open_ = open_ || leads_anywhere;
    event_before_ = event_before_ || (!any_ && leads_anywhere);
}

bool BlockChain::start(const BlockExecution& previous, const BlockExecution& block) {
    const bool fresh = !any_;
    const bool open = open_;
    if (fresh) {
        first_ = block;
        first_open_ = event_before_;
    }
    any_ = true;
    open_ = false;
    if (known_.size() < blocks_.size())
        known_.resize(blocks_.size(), no_block);
    return fresh || open || follows(previous, block);
}

bool BlockChain::follows(const BlockExecution& previous, const BlockExecution& block) {
    const BlockView before = blocks_[previous.id];
    const uint64_t pc = blocks_.pc(block.id);
    if (previous.executed < before.instruction_offsets.size())
        // It stopped in the middle and no event leads away, so execution goes on there.
        return pc == before.pc + before.instruction_offsets[previous.executed];
    if (!successors_of(before).contains(pc))
        return false;
    if (previous.id < known_.size())
        known_[previous.id] = block.id;
    return true;
}

bool BlockChain::append(const BlockChain& next) {
    bool right = true;
    if (any_ && next.any_ && !open_ && !next.first_open_)
        right = follows(previous_, next.first_);
    if (!any_) {
        first_ = next.first_;
        first_open_ = event_before_ || next.first_open_;
        event_before_ = event_before_ || next.event_before_;
    }
    if (next.any_) {
        previous_ = next.previous_;
        open_ = next.open_;
    } else {
        open_ = open_ || next.event_before_;
    }
    any_ = any_ || next.any_;
    return right;
}

}  // namespace panda::trace
