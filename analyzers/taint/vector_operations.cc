// Operations on vectors, by lane. Their values are not known, but for constants.
#include <algorithm>

#include "analyzers/taint/block_run.h"

namespace panda::taint {

using trace::tcg::Opcode;

namespace {

constexpr unsigned lane128 = 16;

// How an element of the result comes from the elements of the inputs at the same place.
enum class Lane : uint8_t { copy, bits, sum, mixed, other };
Lane lane_of(Opcode opcode) {
    switch (opcode) {
        case Opcode::mov:
            return Lane::copy;
        case Opcode::and_:
        case Opcode::or_:
        case Opcode::xor_:
        case Opcode::not_:
        case Opcode::andc:
        case Opcode::orc:
        case Opcode::eqv:
        case Opcode::nand:
        case Opcode::nor:
        case Opcode::bitsel:
        case Opcode::x86_blend:  // one of both
            return Lane::bits;
        case Opcode::add:
        case Opcode::sub:
        case Opcode::mul:
        case Opcode::neg:
            return Lane::sum;
        case Opcode::abs:
        case Opcode::ssadd:
        case Opcode::usadd:
        case Opcode::sssub:
        case Opcode::ussub:
        case Opcode::smin:
        case Opcode::umin:
        case Opcode::smax:
        case Opcode::umax:
        case Opcode::shlv:
        case Opcode::shrv:
        case Opcode::sarv:
        case Opcode::rotlv:
        case Opcode::rotrv:
        case Opcode::cmp:
        case Opcode::cmpsel:
        case Opcode::x86_vpshldi:
        case Opcode::x86_vpshldv:
        case Opcode::x86_vpshrdv:
            return Lane::mixed;
        default:
            return Lane::other;
    }
}

std::optional<Rules::Shift> constant_shift(Opcode opcode) {
    switch (opcode) {
        case Opcode::shli:
        case Opcode::shls:
            return Rules::Shift::left;
        case Opcode::shri:
        case Opcode::shrs:
            return Rules::Shift::right;
        case Opcode::sari:
        case Opcode::sars:
            return Rules::Shift::arithmetic_right;
        case Opcode::rotli:
        case Opcode::rotls:
            return Rules::Shift::rotate_left;
        default:
            return std::nullopt;
    }
}

}  // namespace

void BlockRun::vector(const Operation& operation) {
    const auto& code = code_->code;
    const auto inputs = code.inputs(operation);
    const uint16_t to = code.outputs(operation)[0];
    const Tag tag = tag_of_inputs(operation);
    if (tag == clean ||
        ((operation.opcode == Opcode::xor_ || operation.opcode == Opcode::sub) && inputs[0] == inputs[1]))
        return set_bytes(to, {});
    touch(tag, lane_of(operation.opcode) != Lane::copy);
    const unsigned size = trace::tcg::width(operation.type) / 8;
    const unsigned element = 1u << operation.element;
    std::array<ByteTaint, widest> out{};
    switch (operation.opcode) {
        case Opcode::dup:
        case Opcode::dup2: {
            const unsigned step = operation.opcode == Opcode::dup ? element : 8;
            const auto low = bytes(inputs[0]);
            std::copy_n(low.begin(), std::min(step, operation.opcode == Opcode::dup ? 8u : 4u), out.begin());
            if (operation.opcode == Opcode::dup2)
                std::copy_n(bytes(inputs[1]).begin(), 4, out.begin() + 4);
            for (unsigned i = step; i < size; ++i)
                out[i] = out[i - step];
            break;
        }
        case Opcode::x86_punpckl:
        case Opcode::x86_punpckh: {
            const auto a = bytes(inputs[0]);
            const auto b = bytes(inputs[1]);
            for (unsigned lane = 0; lane < size; lane += lane128)
                for (unsigned i = 0; i < std::min(lane128, size); ++i) {
                    const unsigned half =
                        operation.opcode == Opcode::x86_punpckh ? std::min(lane128, size) / 2 : 0;
                    const unsigned from = lane + half + i / (2 * element) * element + i % element;
                    out[lane + i] = (i / element % 2 == 0 ? a : b)[from];
                }
            break;
        }
        case Opcode::x86_shufps: {
            const auto a = bytes(inputs[0]);
            const auto b = bytes(inputs[1]);
            const auto order = static_cast<unsigned>(code.constants_of(operation)[0]);
            for (unsigned i = 0; i < size; ++i) {
                const unsigned place = i % lane128 / 4;
                out[i] = (place < 2 ? a : b)[i / lane128 * lane128 + (order >> (2 * place) & 3) * 4 + i % 4];
            }
            break;
        }
        case Opcode::x86_psrldq: {
            const auto a = bytes(inputs[0]);
            const auto by = static_cast<unsigned>(code.constants_of(operation)[0]);
            for (unsigned i = 0; i < size; ++i)
                if (i % lane128 + by < lane128)
                    out[i] = a[i + by];
            break;
        }
        default:
            return vector_lanes(operation);
    }
    set_bytes(to, out);
}

void BlockRun::vector_lanes(const Operation& operation) {
    const auto& code = code_->code;
    const auto inputs = code.inputs(operation);
    const unsigned size = trace::tcg::width(operation.type) / 8;
    const unsigned element = std::min(1u << operation.element, 8u);
    std::array<ByteTaint, widest> out{};
    std::array<std::array<ByteTaint, widest>, 4> in{};
    for (size_t i = 0; i < std::min<size_t>(inputs.size(), in.size()); ++i)
        in[i] = bytes(inputs[i]);
    const Lane lane = lane_of(operation.opcode);
    const auto shift = constant_shift(operation.opcode);
    if (lane == Lane::other && !shift) {  // packs, and what nobody knows
        const Tag tag = tag_of_inputs(operation);
        if (operation.opcode == Opcode::unknown)
            ++engine_.unknown_operations_["unknown vector operation"];
        std::fill_n(out.begin(), size, byte_taint(rules_.tags().computed(tag), 0xff));
        return set_bytes(code.outputs(operation)[0], out);
    }
    Operand count{{}, 0, true};
    if (shift && operation.inputs == 2) {
        count = get(inputs[1]);  // shls and so on take it from a temporary
        count.value &= element * 8 - 1;
    } else if (shift) {
        count.value = static_cast<uint64_t>(code.constants_of(operation)[0]);
    }
    for (unsigned at = 0; at < size; at += element) {
        const auto part = [&](size_t number) { return load_bits(in[number].data() + at, element); };
        Bits bits;
        if (shift) {
            bits = rules_.shift(*shift, {part(0), 0, false}, count, element);
        } else if (lane == Lane::copy) {
            bits = part(0);
        } else if (lane == Lane::bits) {
            bits = rules_.either(part(0), part(1));
            if (operation.inputs > 2)
                bits = rules_.either(bits, part(2));
        } else if (lane == Lane::sum) {
            bits = operation.opcode == Opcode::mul ? rules_.multiply({part(0)}, {part(1)}, element)
                                                   : rules_.add({part(0)}, {part(1)}, element);
        } else {
            Tag tag = clean;
            for (size_t i = 0; i < std::min<size_t>(inputs.size(), in.size()); ++i)
                tag = rules_.tags().unite(tag, rules_.all(part(i)));
            bits = rules_.mix(tag, element);
        }
        store_bits(bits, out.data() + at, element);
    }
    set_bytes(code.outputs(operation)[0], out);
}

}  // namespace panda::taint
