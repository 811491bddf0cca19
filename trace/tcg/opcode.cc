#include "trace/tcg/opcode.h"

#include <array>

namespace panda::trace::tcg {
namespace {

// In which widths an operation exists, which is what its name ends in.
enum Forms : uint8_t {
    plain = 1,  // of no width: the name has no ending
    w32 = 2,
    w64 = 4,
    w128 = 8,
    vec = 16,
    both = w32 | w64,
    all = both | vec,
};

struct Entry {
    Opcode opcode;
    std::string_view name;  // without the ending
    uint8_t forms;
    Shape shape;
};

// One that has the name in another width with another shape has a line for each.
constexpr std::array entries = {
    Entry{Opcode::discard, "discard", plain, {"a", "", ""}},
    Entry{Opcode::set_label, "set_label", plain, {"", "", "l"}},
    Entry{Opcode::call, "call", plain, {"", "", "nnn"}},  // the parser knows better
    Entry{Opcode::br, "br", plain, {"", "", "l"}},
    Entry{Opcode::brcond, "brcond", both, {"", "rr", "cl"}},
    Entry{Opcode::brcond2, "brcond2", w32, {"", "rrrr", "cl"}},
    Entry{Opcode::mb, "mb", plain, {"", "", "n"}},
    Entry{Opcode::insn_start, "insn_start", plain, {"", "", ""}},  // as many numbers as the guest needs
    Entry{Opcode::exit_tb, "exit_tb", plain, {"", "", "n"}},
    Entry{Opcode::goto_tb, "goto_tb", plain, {"", "", "n"}},
    Entry{Opcode::goto_ptr, "goto_ptr", plain, {"", "8", ""}},
    Entry{Opcode::plugin_cb, "plugin_cb", plain, {"", "", "n"}},
    Entry{Opcode::plugin_mem_cb, "plugin_mem_cb", plain, {"", "a", "n"}},
    Entry{Opcode::last_generic, "last_generic", plain, {"", "", ""}},

    Entry{Opcode::mov, "mov", all, {"r", "r", ""}},
    Entry{Opcode::setcond, "setcond", both, {"r", "rr", "c"}},
    Entry{Opcode::negsetcond, "negsetcond", both, {"r", "rr", "c"}},
    Entry{Opcode::setcond2, "setcond2", w32, {"r", "rrrr", "c"}},
    Entry{Opcode::movcond, "movcond", both, {"r", "rrrr", "c"}},

    Entry{Opcode::ld8u, "ld8u", both, {"r", "8", "n"}},
    Entry{Opcode::ld8s, "ld8s", both, {"r", "8", "n"}},
    Entry{Opcode::ld16u, "ld16u", both, {"r", "8", "n"}},
    Entry{Opcode::ld16s, "ld16s", both, {"r", "8", "n"}},
    Entry{Opcode::ld32u, "ld32u", w64, {"r", "8", "n"}},
    Entry{Opcode::ld32s, "ld32s", w64, {"r", "8", "n"}},
    Entry{Opcode::ld, "ld", all, {"r", "8", "n"}},
    Entry{Opcode::st8, "st8", both, {"", "r8", "n"}},
    Entry{Opcode::st16, "st16", both, {"", "r8", "n"}},
    Entry{Opcode::st32, "st32", w64, {"", "r8", "n"}},
    Entry{Opcode::st, "st", all, {"", "r8", "n"}},

    Entry{Opcode::qemu_ld, "qemu_ld", both, {"r", "8", "m"}},
    Entry{Opcode::qemu_ld, "qemu_ld", w128, {"88", "8", "m"}},
    Entry{Opcode::qemu_st, "qemu_st", both, {"", "r8", "m"}},
    Entry{Opcode::qemu_st, "qemu_st", w128, {"", "888", "m"}},
    Entry{Opcode::qemu_st8, "qemu_st8", w32, {"", "r8", "m"}},

    Entry{Opcode::add, "add", all, {"r", "rr", ""}},
    Entry{Opcode::sub, "sub", all, {"r", "rr", ""}},
    Entry{Opcode::mul, "mul", all, {"r", "rr", ""}},
    Entry{Opcode::div, "div", both, {"r", "rr", ""}},
    Entry{Opcode::divu, "divu", both, {"r", "rr", ""}},
    Entry{Opcode::rem, "rem", both, {"r", "rr", ""}},
    Entry{Opcode::remu, "remu", both, {"r", "rr", ""}},
    Entry{Opcode::div2, "div2", both, {"rr", "rrr", ""}},
    Entry{Opcode::divu2, "divu2", both, {"rr", "rrr", ""}},
    Entry{Opcode::neg, "neg", all, {"r", "r", ""}},
    Entry{Opcode::add2, "add2", both, {"rr", "rrrr", ""}},
    Entry{Opcode::sub2, "sub2", both, {"rr", "rrrr", ""}},
    Entry{Opcode::mulu2, "mulu2", both, {"rr", "rr", ""}},
    Entry{Opcode::muls2, "muls2", both, {"rr", "rr", ""}},
    Entry{Opcode::muluh, "muluh", both, {"r", "rr", ""}},
    Entry{Opcode::mulsh, "mulsh", both, {"r", "rr", ""}},

    Entry{Opcode::and_, "and", all, {"r", "rr", ""}},
    Entry{Opcode::or_, "or", all, {"r", "rr", ""}},
    Entry{Opcode::xor_, "xor", all, {"r", "rr", ""}},
    Entry{Opcode::not_, "not", all, {"r", "r", ""}},
    Entry{Opcode::andc, "andc", all, {"r", "rr", ""}},
    Entry{Opcode::orc, "orc", all, {"r", "rr", ""}},
    Entry{Opcode::eqv, "eqv", all, {"r", "rr", ""}},
    Entry{Opcode::nand, "nand", all, {"r", "rr", ""}},
    Entry{Opcode::nor, "nor", all, {"r", "rr", ""}},

    Entry{Opcode::shl, "shl", both, {"r", "rr", ""}},
    Entry{Opcode::shr, "shr", both, {"r", "rr", ""}},
    Entry{Opcode::sar, "sar", both, {"r", "rr", ""}},
    Entry{Opcode::rotl, "rotl", both, {"r", "rr", ""}},
    Entry{Opcode::rotr, "rotr", both, {"r", "rr", ""}},
    Entry{Opcode::deposit, "deposit", both, {"r", "rr", "nn"}},
    Entry{Opcode::extract, "extract", both, {"r", "r", "nn"}},
    Entry{Opcode::sextract, "sextract", both, {"r", "r", "nn"}},
    Entry{Opcode::extract2, "extract2", both, {"r", "rr", "n"}},
    Entry{Opcode::clz, "clz", both, {"r", "rr", ""}},
    Entry{Opcode::ctz, "ctz", both, {"r", "rr", ""}},
    Entry{Opcode::ctpop, "ctpop", both, {"r", "r", ""}},
    Entry{Opcode::ext8s, "ext8s", both, {"r", "r", ""}},
    Entry{Opcode::ext8u, "ext8u", both, {"r", "r", ""}},
    Entry{Opcode::ext16s, "ext16s", both, {"r", "r", ""}},
    Entry{Opcode::ext16u, "ext16u", both, {"r", "r", ""}},
    Entry{Opcode::ext32s, "ext32s", w64, {"r", "r", ""}},
    Entry{Opcode::ext32u, "ext32u", w64, {"r", "r", ""}},
    Entry{Opcode::bswap16, "bswap16", both, {"r", "r", "n"}},
    Entry{Opcode::bswap32, "bswap32", both, {"r", "r", "n"}},
    Entry{Opcode::bswap64, "bswap64", w64, {"r", "r", "n"}},
    Entry{Opcode::ext_i32_i64, "ext_i32_i64", plain, {"8", "4", ""}},
    Entry{Opcode::extu_i32_i64, "extu_i32_i64", plain, {"8", "4", ""}},
    Entry{Opcode::extrl_i64_i32, "extrl_i64_i32", plain, {"4", "8", ""}},
    Entry{Opcode::extrh_i64_i32, "extrh_i64_i32", plain, {"4", "8", ""}},

    Entry{Opcode::dup, "dup", vec, {"r", "s", ""}},
    Entry{Opcode::dup2, "dup2", vec, {"r", "44", ""}},
    Entry{Opcode::dupm, "dupm", vec, {"r", "8", "n"}},
    Entry{Opcode::abs, "abs", vec, {"r", "r", ""}},
    Entry{Opcode::ssadd, "ssadd", vec, {"r", "rr", ""}},
    Entry{Opcode::usadd, "usadd", vec, {"r", "rr", ""}},
    Entry{Opcode::sssub, "sssub", vec, {"r", "rr", ""}},
    Entry{Opcode::ussub, "ussub", vec, {"r", "rr", ""}},
    Entry{Opcode::smin, "smin", vec, {"r", "rr", ""}},
    Entry{Opcode::umin, "umin", vec, {"r", "rr", ""}},
    Entry{Opcode::smax, "smax", vec, {"r", "rr", ""}},
    Entry{Opcode::umax, "umax", vec, {"r", "rr", ""}},
    Entry{Opcode::shli, "shli", vec, {"r", "r", "n"}},
    Entry{Opcode::shri, "shri", vec, {"r", "r", "n"}},
    Entry{Opcode::sari, "sari", vec, {"r", "r", "n"}},
    Entry{Opcode::rotli, "rotli", vec, {"r", "r", "n"}},
    Entry{Opcode::shls, "shls", vec, {"r", "r4", ""}},
    Entry{Opcode::shrs, "shrs", vec, {"r", "r4", ""}},
    Entry{Opcode::sars, "sars", vec, {"r", "r4", ""}},
    Entry{Opcode::rotls, "rotls", vec, {"r", "r4", ""}},
    Entry{Opcode::shlv, "shlv", vec, {"r", "rr", ""}},
    Entry{Opcode::shrv, "shrv", vec, {"r", "rr", ""}},
    Entry{Opcode::sarv, "sarv", vec, {"r", "rr", ""}},
    Entry{Opcode::rotlv, "rotlv", vec, {"r", "rr", ""}},
    Entry{Opcode::rotrv, "rotrv", vec, {"r", "rr", ""}},
    Entry{Opcode::cmp, "cmp", vec, {"r", "rr", "c"}},
    Entry{Opcode::bitsel, "bitsel", vec, {"r", "rrr", ""}},
    Entry{Opcode::cmpsel, "cmpsel", vec, {"r", "rrrr", "c"}},

    Entry{Opcode::x86_shufps, "x86_shufps", vec, {"r", "rr", "n"}},
    Entry{Opcode::x86_blend, "x86_blend", vec, {"r", "rr", "n"}},
    Entry{Opcode::x86_packss, "x86_packss", vec, {"r", "rr", ""}},
    Entry{Opcode::x86_packus, "x86_packus", vec, {"r", "rr", ""}},
    Entry{Opcode::x86_psrldq, "x86_psrldq", vec, {"r", "r", "n"}},
    Entry{Opcode::x86_vperm2i128, "x86_vperm2i128", vec, {"r", "rr", "n"}},
    Entry{Opcode::x86_punpckl, "x86_punpckl", vec, {"r", "rr", ""}},
    Entry{Opcode::x86_punpckh, "x86_punpckh", vec, {"r", "rr", ""}},
    Entry{Opcode::x86_vpshldi, "x86_vpshldi", vec, {"r", "rr", "n"}},
    Entry{Opcode::x86_vpshldv, "x86_vpshldv", vec, {"r", "rrr", ""}},
    Entry{Opcode::x86_vpshrdv, "x86_vpshrdv", vec, {"r", "rrr", ""}},
};

struct Ending {
    std::string_view text;
    Forms form;
    Type type;
};
constexpr std::array endings = {
    Ending{"_i32", w32, Type::i32},
    Ending{"_i64", w64, Type::i64},
    Ending{"_i128", w128, Type::i128},
    Ending{"_vec", vec, Type::v64},
};

std::optional<NamedOperation> find(std::string_view name, Forms form, Type type) {
    for (const Entry& entry : entries) {
        if (entry.name == name && (entry.forms & form) != 0)
            return NamedOperation{entry.opcode, type, entry.shape};
    }
    return std::nullopt;
}

}  // namespace

std::optional<NamedOperation> find_operation(std::string_view name) {
    if (auto found = find(name, plain, Type::i64))
        return found;
    for (const Ending& ending : endings) {
        if (name.ends_with(ending.text))
            return find(name.substr(0, name.size() - ending.text.size()), ending.form, ending.type);
    }
    return std::nullopt;
}

std::string operation_name(Opcode opcode, Type type) {
    for (const Entry& entry : entries) {
        if (entry.opcode != opcode)
            continue;
        if (entry.forms == plain)
            return std::string(entry.name);
        for (const Ending& ending : endings) {
            if (ending.type == type || (ending.form == vec && is_vector(type)))
                return std::string(entry.name) + std::string(ending.text);
        }
    }
    return "unknown";
}

}  // namespace panda::trace::tcg
