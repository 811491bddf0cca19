#include "trace/tcg/print.h"

#include <array>

#include "common/hex.h"

namespace panda::trace::tcg {
namespace {

std::string hex_constant(uint64_t value) {
    return "$" + hex(value);
}

std::string condition_text(Condition condition) {
    constexpr std::array names = {"never", "always", "lt",  "ge",  "",      "",      "gt",  "le",
                                  "eq",    "ne",     "ltu", "geu", "tsteq", "tstne", "gtu", "leu"};
    return names[static_cast<size_t>(condition)];
}

// "noat+un+leq,0"
std::string access_text(MemoryAccess access) {
    constexpr std::array alignments = {"un+", "al2+", "al4+", "al8+", "al16+", "al32+", "al64+", "al+"};
    constexpr std::array atomicities = {"", "pair+", "w16+", "w16p+", "sub+", "noat+"};
    const std::string mmu = "," + std::to_string(access.mmu_index());
    if (access.atomicity_code() >= atomicities.size() || (access.is_signed() && access.size() > 4) ||
        (access.size() == 1 && access.swaps()))
        return hex_constant(access.packed >> 4) + mmu;
    std::string text = atomicities[access.atomicity_code()];
    text += alignments[access.alignment_code()];
    const std::string order = access.swaps() ? "be" : "le";
    const std::string sign = access.is_signed() ? "s" : "u";
    switch (access.size()) {
        case 1:
            return text + sign + "b" + mmu;
        case 2:
            return text + order + sign + "w" + mmu;
        case 4:
            return text + order + sign + "l" + mmu;
        case 8:
            return text + order + "q" + mmu;
        default:
            return text + order + "o" + mmu;
    }
}

std::string swap_text(int64_t flags) {
    constexpr std::array names = {"", "iz", "oz", "iz,oz", "os", "iz,os"};
    return static_cast<size_t>(flags) < names.size() ? names[static_cast<size_t>(flags)]
                                                     : hex_constant(static_cast<uint64_t>(flags));
}

// The orders that a memory barrier keeps: bits 0 to 3 what (QEMU's TCG_MO_…), bits 4 and 5 how (TCG_BAR_…).
std::string barrier_text(int64_t barrier) {
    constexpr std::array how = {"none", "acq", "rel", "seq"};
    constexpr std::array what = {"rr", "wr", "rw", "ww"};
    constexpr std::array order = {0, 2, 1, 3};  // that in which QEMU lists them
    const auto kept = static_cast<unsigned>(barrier) & 15;
    std::string text;
    for (const int i : order) {
        if ((kept >> i & 1) != 0)
            text += (text.empty() ? "" : "+") + std::string(what[static_cast<size_t>(i)]);
    }
    if (kept == 0 || kept == 15)
        text = kept == 0 ? "none" : "all";
    return std::string(how[static_cast<size_t>(barrier >> 4 & 3)]) + ":" + text;
}

class Line {
  public:
    Line(const Dialect& dialect, const BlockOperations& block) : dialect_(dialect), block_(block) {}

    void add(const std::string& item) {
        text_ += (empty_ ? "" : ",") + item;
        empty_ = false;
    }
    void add_temporaries(std::span<const uint16_t> temporaries) {
        for (const uint16_t temporary : temporaries)
            add(temporary_text(dialect_, block_, temporary));
    }
    std::string take(const std::string& name) const { return " " + name + " " + text_; }

  private:
    const Dialect& dialect_;
    const BlockOperations& block_;
    std::string text_;
    bool empty_ = true;
};

std::string call_text(const Dialect& dialect, const BlockOperations& block, const Operation& operation) {
    const Call& call = block.call(operation);
    Line line(dialect, block);
    line.add(call.name);
    line.add(hex_constant(call.flags));
    line.add("$" + std::to_string(operation.outputs));
    line.add_temporaries(block.outputs(operation));
    line.add_temporaries(block.inputs(operation));
    return line.take("call");
}

std::string start_text(const BlockOperations& block, const Operation& operation) {
    std::string text = " ----";
    for (const int64_t word : block.constants_of(operation))
        text += " " + hex_digits(static_cast<uint64_t>(word), 16);
    return text;
}

bool swaps(Opcode opcode) {
    return opcode == Opcode::bswap16 || opcode == Opcode::bswap32 || opcode == Opcode::bswap64;
}

void add_constants(Line& line, const Dialect& dialect, const BlockOperations& block,
                   const Operation& operation) {
    const std::string_view letters = dialect.forms()[operation.number].meaning.shape.constants;
    const auto constants = block.constants_of(operation);
    for (size_t i = 0; i < constants.size(); ++i) {
        const char letter = i < letters.size() ? letters[i] : 'n';
        if (letter == 'c')
            line.add(condition_text(static_cast<Condition>(constants[i])));
        else if (letter == 'm')
            line.add(access_text(block.access(operation)));
        else if (letter == 'l')
            line.add("$L" + std::to_string(block.labels[static_cast<size_t>(constants[i])]));
        else if (swaps(operation.opcode))
            line.add(swap_text(constants[i]));
        else if (operation.opcode == Opcode::mb)
            line.add(barrier_text(constants[i]));
        else
            line.add(hex_constant(static_cast<uint64_t>(constants[i])));
    }
}

}  // namespace

std::string temporary_text(const Dialect& dialect, const BlockOperations& block, uint16_t temporary) {
    const Temporary& value = block.temporaries[temporary];
    switch (value.kind) {
        case TempKind::global:
        case TempKind::fixed:
            return dialect.globals()[value.global].name;
        case TempKind::constant: {
            const auto bits = static_cast<uint64_t>(value.value);
            if (is_vector(value.type))
                return "v" + std::to_string(width(value.type)) + hex_constant(bits);
            return hex_constant(value.type == Type::i32 ? bits & UINT32_MAX : bits);
        }
        case TempKind::whole_block:
            return "loc" + std::to_string(temporary);
        default:
            return "tmp" + std::to_string(temporary);
    }
}

std::string operation_text(const Dialect& dialect, const BlockOperations& block, const Operation& operation) {
    if (operation.opcode == Opcode::insn_start)
        return start_text(block, operation);
    if (operation.opcode == Opcode::call)
        return call_text(dialect, block, operation);
    Line line(dialect, block);
    if (is_vector(operation.type))
        line.add("v" + std::to_string(width(operation.type)) + ",e" +
                 std::to_string(8u << operation.element));
    line.add_temporaries(block.outputs(operation));
    line.add_temporaries(block.inputs(operation));
    add_constants(line, dialect, block, operation);
    return line.take(dialect.forms()[operation.number].name);
}

}  // namespace panda::trace::tcg
