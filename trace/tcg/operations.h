// The TCG operations of a block, typed: what the bytes in its definition say (trace/README.md, "TCG operations").
//
// Temporaries live within the block and have no value where it starts, but for globals, which are places in the
// processor's state, and constants. A block has at most a few hundred operations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trace/tcg/dialect.h"
#include "trace/tcg/opcode.h"

namespace panda::trace::tcg {

// The numbers are QEMU's TCGTempKind, which traces have.
enum class TempKind : uint8_t {
    until_branch = 0,  // dead after the next label or branch (QEMU: TEMP_EBB)
    whole_block = 1,
    global = 2,
    fixed = 3,  // a global that never changes: the pointer to the processor's state
    constant = 4,
};

struct Temporary {
    TempKind kind = TempKind::until_branch;
    Type type = Type::i64;
    uint16_t global = 0;  // of a global or fixed one: its number in Dialect::globals()
    int64_t value = 0;    // of a constant; a vector has it in each 64 bits

    bool operator==(const Temporary&) const = default;
};

// The numbers are QEMU's TCGCond. tsteq and tstne compare a & b with 0.
enum class Condition : uint8_t {
    never = 0,
    always = 1,
    lt = 2,
    ge = 3,
    gt = 6,
    le = 7,
    eq = 8,
    ne = 9,
    ltu = 10,
    geu = 11,
    tsteq = 12,
    tstne = 13,
    gtu = 14,
    leu = 15,
};

// QEMU's MemOpIdx: how an access to the guest's memory is made.
struct MemoryAccess {
    uint32_t packed = 0;

    unsigned mmu_index() const { return packed & 15; }
    unsigned size() const { return 1u << (packed >> 4 & 7); }  // bytes
    bool is_signed() const { return (packed >> 7 & 1) != 0; }  // a load extends the sign
    bool swaps() const { return (packed >> 8 & 1) != 0; }      // the order of bytes is reversed
    unsigned alignment_code() const { return packed >> 9 & 7; }
    unsigned atomicity_code() const { return packed >> 12 & 7; }
};

// Flags of `bswap16` and `bswap32` (QEMU's TCG_BSWAP_…).
inline constexpr int64_t bswap_input_extended = 1;   // bits above the swapped ones are 0 in the input
inline constexpr int64_t bswap_output_extended = 2;  // and must be 0 in the output
inline constexpr int64_t bswap_output_signed = 4;    // or copies of the sign

// What a helper takes or returns; the numbers are QEMU's dh_typecode_….
enum class CallType : uint8_t { none = 0, i32 = 2, s32 = 3, i64 = 4, s64 = 5, pointer = 6, i128 = 7 };

// A call of a helper function. A value of i128 is two arguments of i64, the low half first.
struct Call {
    static constexpr uint8_t reads_no_globals = 1;  // nor writes them
    static constexpr uint8_t writes_no_globals = 2;
    static constexpr uint8_t no_side_effects = 4;
    static constexpr uint8_t no_return = 8;

    std::string name;  // of QEMU's function without "helper_"
    uint8_t flags = 0;
    uint32_t type_mask = 0;  // CallTypes of three bits: what it returns, then what it takes

    CallType result() const { return static_cast<CallType>(type_mask & 7); }
    // number: from 0; `none` after the last one.
    CallType argument(unsigned number) const {
        return number < 7 ? static_cast<CallType>(type_mask >> (3 * (number + 1)) & 7) : CallType::none;
    }
    bool operator==(const Call&) const = default;
};

struct Operation {
    Opcode opcode = Opcode::unknown;
    Type type = Type::i64;  // that of 'r' in Shape
    uint8_t element = 0;    // of a vector: log2 of the bytes of an element
    uint8_t outputs = 0;
    uint8_t inputs = 0;
    uint8_t constants = 0;
    uint16_t instruction = 0;     // of the block
    uint8_t number = 0;           // the opcode in the trace, index into Dialect::forms()
    uint32_t first_argument = 0;  // in BlockOperations
    uint32_t first_constant = 0;  // in BlockOperations; of a call: its number there

    bool operator==(const Operation&) const = default;
};

struct BlockOperations {
    std::vector<Temporary> temporaries;  // in order of appearance
    std::vector<Operation> operations;
    std::vector<uint16_t> arguments;  // temporaries
    std::vector<int64_t> constants;
    std::vector<Call> calls;
    std::vector<uint32_t> labels;  // for each label, in order of appearance, QEMU's number

    // The temporaries that the operation writes, and those that it reads.
    std::span<const uint16_t> outputs(const Operation& operation) const {
        return std::span(arguments).subspan(operation.first_argument, operation.outputs);
    }
    std::span<const uint16_t> inputs(const Operation& operation) const {
        return std::span(arguments).subspan(operation.first_argument + operation.outputs, operation.inputs);
    }
    // Its constants, as Shape says. A label is an index into `labels`. insn_start has what QEMU tells of the
    // instruction: x86's pc and cc_op.
    std::span<const int64_t> constants_of(const Operation& operation) const {
        return std::span(constants).subspan(operation.first_constant, operation.constants);
    }
    // Of qemu_ld, qemu_st and qemu_st8.
    MemoryAccess access(const Operation& operation) const {
        return {static_cast<uint32_t>(constants[operation.first_constant])};
    }
    // Of brcond, setcond, negsetcond, movcond, cmp and cmpsel.
    Condition condition(const Operation& operation) const {
        return static_cast<Condition>(constants[operation.first_constant]);
    }
    // Of set_label and br, brcond and brcond2.
    size_t label(const Operation& operation) const {
        return static_cast<size_t>(constants[operation.first_constant + operation.constants - 1]);
    }
    const Call& call(const Operation& operation) const { return calls[operation.first_constant]; }

    bool operator==(const BlockOperations&) const = default;
};

// Reads a definition's TCG operations, and checks that they fit together: numbers and types of arguments, constants
// in their bounds, each label that something branches to set exactly once. Operations whose name QEMU 10.0 does not
// know are Opcode::unknown, with arguments of any types. What a temporary is read for that has no value is not checked.
//
// bytes: BlockView::tcg, not empty. instructions: how many the block has; there is an insn_start for each. Throws
// Error, which names the operation and what is wrong with it. Takes time and memory in proportion to the bytes.
BlockOperations parse_operations(const Dialect& dialect, std::span<const std::byte> bytes,
                                 uint32_t instructions);

// The same for a block of a trace: the error names the file and the block too (FileError). The block must have
// operations: ReaderOptions::tcg, and Dialect::of() the trace's header.
struct BlockPlace {
    const std::string& file;
    uint32_t id;
};
BlockOperations parse_operations(const Dialect& dialect, std::span<const std::byte> bytes,
                                 uint32_t instructions, const BlockPlace& place);

}  // namespace panda::trace::tcg
