// The operations of QEMU's Tiny Code Generator, version 10.0, by name. QEMU has its list in include/tcg/tcg-opc.h and
// describes each one in docs/devel/tcg-ops.rst. Numbers change with each version, so that a trace has the names
// (trace/tcg/dialect.h).
//
// QEMU has one operation for each width: add_i32, add_i64, add_vec. Here the width is apart: Opcode::add, with
// Type::i32 and so on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace panda::trace::tcg {

// The type of a value; the numbers are QEMU's TCGType, which traces have. A value of i128 is always two of i64.
enum class Type : uint8_t { i32 = 0, i64 = 1, i128 = 2, v64 = 3, v128 = 4, v256 = 5 };
inline constexpr unsigned type_count = 6;

constexpr bool is_vector(Type type) {
    return type >= Type::v64;
}
// In bits.
constexpr unsigned width(Type type) {
    constexpr unsigned widths[type_count] = {32, 64, 128, 64, 128, 256};
    return widths[static_cast<unsigned>(type)];
}

// clang-format off
enum class Opcode : uint8_t {
    unknown,  // an operation that this list does not have: its arguments can be read, its meaning is not known
    // control
    discard, set_label, call, br, brcond, brcond2, mb, insn_start, exit_tb, goto_tb, goto_ptr, plugin_cb, plugin_mem_cb,
    last_generic,
    // values
    mov, setcond, negsetcond, setcond2, movcond,
    // loads and stores of the processor's state
    ld8u, ld8s, ld16u, ld16s, ld32u, ld32s, ld, st8, st16, st32, st,
    // loads and stores of the guest's memory
    qemu_ld, qemu_st, qemu_st8,
    // arithmetic
    add, sub, mul, div, divu, rem, remu, div2, divu2, neg, add2, sub2, mulu2, muls2, muluh, mulsh,
    // logic
    and_, or_, xor_, not_, andc, orc, eqv, nand, nor,
    // shifts, and fields of bits
    shl, shr, sar, rotl, rotr, deposit, extract, sextract, extract2, clz, ctz, ctpop,
    ext8s, ext8u, ext16s, ext16u, ext32s, ext32u, bswap16, bswap32, bswap64,
    ext_i32_i64, extu_i32_i64, extrl_i64_i32, extrh_i64_i32,
    // vectors only
    dup, dup2, dupm, abs, ssadd, usadd, sssub, ussub, smin, umin, smax, umax,
    shli, shri, sari, rotli, shls, shrs, sars, rotls, shlv, shrv, sarv, rotlv, rotrv,
    cmp, bitsel, cmpsel,
    // vectors of x86 hosts only (tcg/i386/tcg-target-opc.h.inc)
    x86_shufps, x86_blend, x86_packss, x86_packus, x86_psrldq, x86_vperm2i128, x86_punpckl, x86_punpckh,
    x86_vpshldi, x86_vpshldv, x86_vpshrdv,
};
// clang-format on

// What an argument or a constant of an operation is.
//   outputs and inputs:  r of the operation's own type; 4 i32; 8 i64 (pointers too); s any scalar; a anything
//   constants:           c a condition; l a label; m a memory operation; n a number
struct Shape {
    std::string_view outputs;
    std::string_view inputs;
    std::string_view constants;
};

// What QEMU's name of an operation says.
struct NamedOperation {
    Opcode opcode = Opcode::unknown;
    // Type::i32, i64 or i128 of _i32, _i64 and _i128. Of _vec it is v64, as each operation has its own type of
    // vector. Operations of no type (call, exit_tb, …) have i64.
    Type type = Type::i64;
    Shape shape{};
};

// What the name of an operation, as "add_i32", means. Nothing if no operation of QEMU 10.0 has this name.
std::optional<NamedOperation> find_operation(std::string_view name);

// QEMU's name of an operation, as "add_i32". type: as in Operation.
std::string operation_name(Opcode opcode, Type type);

}  // namespace panda::trace::tcg
