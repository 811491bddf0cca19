// Operations on i32 and i64: which rule each has, and the value of its result where those of its inputs are known.
#include <bit>

#include "analyzers/taint/block_run.h"

namespace panda::taint {

using trace::tcg::Opcode;
using trace::tcg::Type;

namespace {

using Operands = std::span<const Operand>;
using Values = std::span<const uint64_t>;

uint64_t sign_extend(uint64_t value, unsigned bits) {
    return static_cast<uint64_t>(static_cast<int64_t>(value << (64 - bits)) >> (64 - bits));
}

// The result of a shift or a rotation. count: taken modulo the width.
uint64_t shifted_value(Opcode opcode, uint64_t a, uint64_t count, unsigned width) {
    count %= width;
    const uint64_t value = a & low_bits(width);
    switch (opcode) {
        case Opcode::shl:
            return value << count;
        case Opcode::shr:
            return value >> count;
        case Opcode::sar:
            return static_cast<uint64_t>(static_cast<int64_t>(sign_extend(value, width)) >> count);
        case Opcode::rotl:
            return count == 0 ? value : value << count | value >> (width - count);
        default:
            return count == 0 ? value : value >> count | value << (width - count);
    }
}

std::optional<uint64_t> divided(Opcode opcode, uint64_t a, uint64_t b, unsigned width) {
    a &= low_bits(width);
    b &= low_bits(width);
    if (b == 0)
        return std::nullopt;
    const auto signed_a = static_cast<int64_t>(sign_extend(a, width));
    const auto signed_b = static_cast<int64_t>(sign_extend(b, width));
    switch (opcode) {
        case Opcode::divu:
            return a / b;
        case Opcode::remu:
            return a % b;
        default:
            if (signed_b == -1)
                return std::nullopt;
            return static_cast<uint64_t>(opcode == Opcode::div ? signed_a / signed_b : signed_a % signed_b);
    }
}

uint64_t high_product(Opcode opcode, uint64_t a, uint64_t b, unsigned width) {
    __extension__ using Wide = unsigned __int128;
    __extension__ using SignedWide = __int128;
    if (opcode == Opcode::mulsh)
        return static_cast<uint64_t>((SignedWide{static_cast<int64_t>(sign_extend(a, width))} *
                                      static_cast<int64_t>(sign_extend(b, width))) >>
                                     width);
    return static_cast<uint64_t>((Wide{a & low_bits(width)} * (b & low_bits(width))) >> width);
}

uint64_t swapped16(uint64_t value, int64_t flags, unsigned width) {
    const uint64_t swapped = (value >> 8 & 0xff) | (value & 0xff) << 8;
    return (flags & trace::tcg::bswap_output_signed) != 0 ? sign_extend(swapped, 16) & low_bits(width)
                                                          : swapped;
}
uint64_t swapped32(uint64_t value, int64_t flags) {
    const uint64_t swapped = __builtin_bswap32(static_cast<uint32_t>(value));
    return (flags & trace::tcg::bswap_output_signed) != 0 ? sign_extend(swapped, 32) : swapped;
}

// The value of an operation, whose inputs are all known. Nothing if it is not worked out here.
std::optional<uint64_t> value_of(const trace::tcg::Operation& operation, Values in,
                                 std::span<const int64_t> constants, unsigned width) {
    const auto a = [&] { return in[0]; };
    const auto b = [&] { return in[1]; };
    const auto field = [&](size_t i) { return static_cast<unsigned>(constants[i]); };
    switch (operation.opcode) {
        case Opcode::mov:
        case Opcode::ext_i32_i64:
        case Opcode::extu_i32_i64:
        case Opcode::extrl_i64_i32:
            return operation.opcode == Opcode::ext_i32_i64 ? sign_extend(a(), 32) : a();
        case Opcode::extrh_i64_i32:
            return a() >> 32;
        case Opcode::add:
            return a() + b();
        case Opcode::sub:
            return a() - b();
        case Opcode::neg:
            return 0 - a();
        case Opcode::mul:
            return a() * b();
        case Opcode::muluh:
        case Opcode::mulsh:
            return high_product(operation.opcode, a(), b(), width);
        case Opcode::and_:
            return a() & b();
        case Opcode::or_:
            return a() | b();
        case Opcode::xor_:
            return a() ^ b();
        case Opcode::not_:
            return ~a();
        case Opcode::andc:
            return a() & ~b();
        case Opcode::orc:
            return a() | ~b();
        case Opcode::eqv:
            return ~(a() ^ b());
        case Opcode::nand:
            return ~(a() & b());
        case Opcode::nor:
            return ~(a() | b());
        case Opcode::shl:
        case Opcode::shr:
        case Opcode::sar:
        case Opcode::rotl:
        case Opcode::rotr:
            return shifted_value(operation.opcode, a(), b(), width);
        case Opcode::div:
        case Opcode::divu:
        case Opcode::rem:
        case Opcode::remu:
            return divided(operation.opcode, a(), b(), width);
        case Opcode::deposit: {
            const uint64_t mask = low_bits(field(1)) << field(0);
            return (a() & ~mask) | (b() << field(0) & mask);
        }
        case Opcode::extract:
            return a() >> field(0) & low_bits(field(1));
        case Opcode::sextract:
            return sign_extend(a() >> field(0), field(1));
        case Opcode::extract2:
            return field(0) == 0       ? a()
                   : field(0) == width ? b()
                                       : (a() & low_bits(width)) >> field(0) | b() << (width - field(0));
        case Opcode::ext8s:
            return sign_extend(a(), 8);
        case Opcode::ext8u:
            return a() & 0xff;
        case Opcode::ext16s:
            return sign_extend(a(), 16);
        case Opcode::ext16u:
            return a() & 0xffff;
        case Opcode::ext32s:
            return sign_extend(a(), 32);
        case Opcode::ext32u:
            return a() & 0xffff'ffff;
        case Opcode::bswap16:
            return swapped16(a(), constants[0], width);
        case Opcode::bswap32:
            return swapped32(a(), constants[0]);
        case Opcode::bswap64:
            return __builtin_bswap64(a());
        case Opcode::clz:
            return (a() & low_bits(width)) == 0
                       ? b()
                       : static_cast<uint64_t>(std::countl_zero(a() & low_bits(width))) - (64 - width);
        case Opcode::ctz:
            return (a() & low_bits(width)) == 0 ? b() : static_cast<uint64_t>(std::countr_zero(a()));
        case Opcode::ctpop:
            return static_cast<uint64_t>(std::popcount(a() & low_bits(width)));
        case Opcode::setcond:
        case Opcode::negsetcond: {
            const bool yes = holds(static_cast<trace::tcg::Condition>(constants[0]), a(), b(), width / 8);
            return operation.opcode == Opcode::setcond ? uint64_t{yes} : 0 - uint64_t{yes};
        }
        case Opcode::movcond:
            return holds(static_cast<trace::tcg::Condition>(constants[0]), a(), b(), width / 8) ? in[2]
                                                                                                : in[3];
        default:
            return std::nullopt;
    }
}

Operand inverted(Operand operand) {
    operand.value = ~operand.value;
    return operand;
}

bool same_temporary(std::span<const uint16_t> inputs) {
    return inputs.size() == 2 && inputs[0] == inputs[1];
}

// Whether an operation only copies, so that its instruction changes nothing.
bool copies(Opcode opcode) {
    switch (opcode) {
        case Opcode::mov:
        case Opcode::deposit:
        case Opcode::extract:
        case Opcode::sextract:
        case Opcode::extract2:
        case Opcode::ext8s:
        case Opcode::ext8u:
        case Opcode::ext16s:
        case Opcode::ext16u:
        case Opcode::ext32s:
        case Opcode::ext32u:
        case Opcode::bswap16:
        case Opcode::bswap32:
        case Opcode::bswap64:
        case Opcode::ext_i32_i64:
        case Opcode::extu_i32_i64:
        case Opcode::extrl_i64_i32:
        case Opcode::extrh_i64_i32:
            return true;
        default:
            return false;
    }
}

Rules::Shift shift_kind(Opcode opcode) {
    switch (opcode) {
        case Opcode::shl:
            return Rules::Shift::left;
        case Opcode::shr:
            return Rules::Shift::right;
        case Opcode::sar:
            return Rules::Shift::arithmetic_right;
        case Opcode::rotl:
            return Rules::Shift::rotate_left;
        default:
            return Rules::Shift::rotate_right;
    }
}

}  // namespace

// An operation without a rule: everything goes everywhere.
void BlockRun::scalar(const Operation& operation) {
    const Tag tag = tag_of_inputs(operation);
    if (tag != clean)
        ++engine_.unknown_operations_[std::string(operation_name(operation.opcode, operation.type))];
    std::array<ByteTaint, widest> taint{};
    for (const uint16_t output : code_->code.outputs(operation)) {
        for (unsigned i = 0; i < std::min(size_of(output), widest); ++i)
            taint[i] = byte_taint(tag, 0xff);
        set_bytes(output, taint);
    }
    touch(tag, true);
}

// An operation with one output and few inputs (BlockCode::Traits).
void BlockRun::plain(const Operation& operation) {
    constexpr size_t most = 4;
    const auto inputs = code_->code.inputs(operation);
    std::array<uint64_t, most> values;  // of the inputs
    bool tainted = false;
    bool known = true;
    for (size_t i = 0; i < inputs.size(); ++i) {
        const Content content = look(inputs[i]);
        values[i] = content.value;
        tainted = tainted || content.tainted;
        known = known && content.known;
    }
    const uint16_t to = code_->code.outputs(operation)[0];
    std::optional<uint64_t> value;
    if ((operation.opcode == Opcode::xor_ || operation.opcode == Opcode::sub) && same_temporary(inputs)) {
        value = 0;
        tainted = false;
    } else if (known) {
        value = value_of(operation, {values.data(), inputs.size()}, code_->code.constants_of(operation),
                         trace::tcg::width(operation.type));
    }
    if (!tainted)
        return set_clean(to, value);
    const unsigned size = size_of(to);
    set(to,
        inputs.size() == 1   ? tainted_bits<1>(operation, size)
        : inputs.size() == 2 ? tainted_bits<2>(operation, size)
                             : tainted_bits<most>(operation, size),
        value);
}

template <size_t inputs>
Bits BlockRun::tainted_bits(const Operation& operation, unsigned size) {
    const auto from = code_->code.inputs(operation);
    std::array<Operand, inputs> in;
    for (size_t i = 0; i < from.size(); ++i)
        in[i] = get(from[i]);
    if (engine_.follows_instructions_ && engine_.listener_ != nullptr) {
        Tag tag = clean;
        for (const Operand& operand : in)
            tag = rules_.tags().unite(tag, rules_.all(operand.bits));
        touch(tag, !copies(operation.opcode));
    }
    return scalar_bits(operation, Operands(in).first(from.size()), size);
}

Bits BlockRun::scalar_bits(const Operation& operation, Operands in, unsigned size) {
    const auto constants = code_->code.constants_of(operation);
    const unsigned width = 8 * size;
    const auto field = [&](size_t i) { return static_cast<unsigned>(constants[i]); };
    switch (operation.opcode) {
        case Opcode::mov:
        case Opcode::extu_i32_i64:
        case Opcode::extrl_i64_i32:
            return rules_.extended(in[0].bits, std::min(width, operation.opcode == Opcode::mov ? 64u : 32u),
                                   false, size);
        case Opcode::ext_i32_i64:
            return rules_.extended(in[0].bits, 32, true, 8);
        case Opcode::extrh_i64_i32:
            return rules_.shifted(in[0].bits, -32, 4);
        case Opcode::add:
            return rules_.add(in[0], in[1], size);
        case Opcode::sub:
            return rules_.subtract(in[0], in[1], size);
        case Opcode::neg:
            return rules_.subtract({{}, 0, true}, in[0], size);
        case Opcode::mul:
            return rules_.multiply(in[0], in[1], size);
        case Opcode::divu:
        case Opcode::remu:
            return rules_.divide(in[0], in[1], size, operation.opcode == Opcode::remu);
        case Opcode::and_:
            return rules_.and_(in[0], in[1]);
        case Opcode::nand:
            return rules_.and_(in[0], in[1]);
        case Opcode::or_:
        case Opcode::nor:
            return rules_.or_(in[0], in[1]);
        case Opcode::andc:
            return rules_.and_(in[0], inverted(in[1]));
        case Opcode::orc:
            return rules_.or_(in[0], inverted(in[1]));
        case Opcode::xor_:
        case Opcode::eqv:
            return rules_.either(in[0].bits, in[1].bits);
        case Opcode::not_:
            return rules_.either(in[0].bits, {});
        case Opcode::shl:
        case Opcode::shr:
        case Opcode::sar:
        case Opcode::rotl:
        case Opcode::rotr:
            return rules_.shift(shift_kind(operation.opcode), in[0], in[1], size);
        case Opcode::deposit: {
            const uint64_t mask = low_bits(field(1)) << field(0);
            const Bits moved =
                rules_.masked(rules_.shifted(in[1].bits, static_cast<int>(field(0)), size), mask);
            const Bits kept = rules_.masked(in[0].bits, ~mask);
            return rules_.merged(kept, moved);
        }
        case Opcode::extract:
        case Opcode::sextract:
            return rules_.extended(rules_.shifted(in[0].bits, -static_cast<int>(field(0)), size), field(1),
                                   operation.opcode == Opcode::sextract, size);
        case Opcode::extract2:
            if (field(0) == 0 || field(0) == width)
                return in[field(0) == 0 ? 0 : 1].bits;
            return rules_.merged(rules_.shifted(in[0].bits, -static_cast<int>(field(0)), size),
                                 rules_.shifted(in[1].bits, static_cast<int>(width - field(0)), size));
        case Opcode::ext8s:
        case Opcode::ext8u:
            return rules_.extended(in[0].bits, 8, operation.opcode == Opcode::ext8s, size);
        case Opcode::ext16s:
        case Opcode::ext16u:
            return rules_.extended(in[0].bits, 16, operation.opcode == Opcode::ext16s, size);
        case Opcode::ext32s:
        case Opcode::ext32u:
            return rules_.extended(in[0].bits, 32, operation.opcode == Opcode::ext32s, size);
        case Opcode::bswap16:
        case Opcode::bswap32: {
            const unsigned bytes = operation.opcode == Opcode::bswap16 ? 2 : 4;
            const Bits swapped = rules_.swapped(rules_.masked(in[0].bits, low_bits(8 * bytes)), bytes);
            return rules_.extended(swapped, 8 * bytes, (constants[0] & trace::tcg::bswap_output_signed) != 0,
                                   size);
        }
        case Opcode::bswap64:
            return rules_.swapped(in[0].bits, 8);
        case Opcode::clz:
        case Opcode::ctz:
            // The second input is the answer for 0.
            return rules_.mix(rules_.all(in[0].bits, in[1].bits), size,
                              in[1].known ? (in[1].value | in[1].bits.mask | (width - 1)) : ~uint64_t{0});
        case Opcode::ctpop:
            return rules_.mix(rules_.all(in[0].bits), size, 2 * uint64_t{width} - 1);
        case Opcode::setcond:
        case Opcode::negsetcond: {
            const auto condition = code_->code.condition(operation);
            const Tag tag = rules_.compare(condition, in[0], in[1], size);
            return rules_.mix(tag, size, operation.opcode == Opcode::setcond ? 1 : ~uint64_t{0});
        }
        case Opcode::movcond: {
            const auto condition = code_->code.condition(operation);
            const Tag tag = rules_.compare(condition, in[0], in[1], size);
            const Tag selector = engine_.options_.selectors ? tag : clean;
            if (!in[0].known || !in[1].known)
                return rules_.merged(rules_.choose(selector, in[2], in[3], size), in[3].bits);
            const bool first = holds(condition, in[0].value, in[1].value, size);
            return rules_.choose(selector, in[first ? 2 : 3], in[first ? 3 : 2], size);
        }
        default: {  // div, rem, muluh, mulsh
            Tag tag = clean;
            for (const Operand& operand : in)
                tag = rules_.tags().unite(tag, rules_.all(operand.bits));
            return rules_.mix(tag, size);
        }
    }
}

// Operations on values of two halves. Returns false if it is not one.
bool BlockRun::double_width(const Operation& operation) {
    const unsigned size = trace::tcg::width(operation.type) / 8;
    switch (operation.opcode) {
        case Opcode::add2:
        case Opcode::sub2:
        case Opcode::mulu2:
        case Opcode::muls2:
        case Opcode::div2:
        case Opcode::divu2:
        case Opcode::setcond2:
            break;
        default:
            return false;
    }
    const Tag tag = tag_of_inputs(operation);
    touch(tag, true);
    std::array<Operand, 4> in;
    for (size_t i = 0; i < std::min<size_t>(in.size(), operation.inputs); ++i)
        in[i] = input(operation, static_cast<unsigned>(i));
    switch (operation.opcode) {
        case Opcode::add2:
        case Opcode::sub2: {
            const bool add = operation.opcode == Opcode::add2;
            const Bits low = add ? rules_.add(in[0], in[2], size) : rules_.subtract(in[0], in[2], size);
            const Tag below = rules_.all(in[0].bits, in[2].bits);
            in[1].known = false;  // the carry into the upper half is not taken into account
            Bits high = add ? rules_.add(in[1], in[3], size) : rules_.subtract(in[1], in[3], size);
            if (below != clean)  // a carry that may go anywhere
                high = rules_.merged(high, rules_.mix(tag, size));
            std::optional<uint64_t> value;
            if (in[0].known && in[2].known)
                value = add ? in[0].value + in[2].value : in[0].value - in[2].value;
            output(operation, 0, low, value);
            output(operation, 1, high, std::nullopt);
            return true;
        }
        case Opcode::mulu2:
        case Opcode::muls2: {
            std::optional<uint64_t> low;
            std::optional<uint64_t> high;
            if (in[0].known && in[1].known) {
                low = in[0].value * in[1].value;
                high = high_product(operation.opcode == Opcode::muls2 ? Opcode::mulsh : Opcode::muluh,
                                    in[0].value, in[1].value, 8 * size);
            }
            output(operation, 0, rules_.multiply(in[0], in[1], size), low);
            output(operation, 1, rules_.mix(tag, size), high);
            return true;
        }
        case Opcode::setcond2:
            output(operation, 0, rules_.mix(tag, size, 1), std::nullopt);
            return true;
        default:
            output(operation, 0, rules_.mix(tag, size), std::nullopt);
            output(operation, 1, rules_.mix(tag, size), std::nullopt);
            return true;
    }
}

}  // namespace panda::taint
