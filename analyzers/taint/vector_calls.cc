// Helpers of vector instructions: operands in the processor's state, element by element where the shape is known.
#include <algorithm>

#include "analyzers/taint/block_run.h"

namespace panda::taint {

using trace::tcg::CallType;
using Shape = HelperPlan::Shape;

namespace {

constexpr unsigned lane = 16;  // vectors of 32 bytes are two of 16

// Which byte of the state a byte goes to in AES's ShiftRows: row r of column c comes from column c + r.
unsigned shifted_row(unsigned at) {
    const unsigned row = at % 4;
    return (at / 4 + row) % 4 * 4 + row;
}

}  // namespace

Tag BlockRun::tag_of(std::span<const ByteTaint> bytes) const {
    Tag tag = clean;
    for (const ByteTaint byte : bytes)
        tag = rules_.tags().unite(tag, taint::tag_of(byte));
    return tag;
}

BlockRun::Bytes64 BlockRun::operand_bytes(int64_t offset, unsigned width) const {
    Bytes64 bytes{};
    for (unsigned i = 0; i < width && ShadowState::inside({offset + i, 1}); ++i)
        bytes[i] = state_.get(offset + i);
    return bytes;
}

// Arguments that point into the state: the first is written (unless the helper returns something), the others are read.
void BlockRun::operands_call(const Operation& operation, const HelperPlan& plan) {
    const auto& call = code_->code.call(operation);
    const auto inputs = code_->code.inputs(operation);
    if (inputs.empty())
        return unknown_call(operation);
    unsigned width = plan.width;
    if (width == 0)
        width = std::clamp(gvec_width(static_cast<int64_t>(get(inputs.back()).value)), 8u, 64u);
    const bool returns = operation.outputs != 0 || plan.shape == Shape::compare;
    std::optional<int64_t> result;
    bool lost = false;  // a pointer that leads elsewhere
    std::array<Bytes64, 5> in{};
    size_t count = 0;
    Tag others = clean;  // of arguments that are values
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (call.argument(static_cast<unsigned>(i)) != CallType::pointer) {
            others = rules_.tags().unite(others, rules_.all(get(inputs[i]).bits));
            continue;
        }
        const auto offset = pointers_.offset(inputs[i]);
        lost = lost || !offset || !ShadowState::inside({*offset, width});
        if (lost || *offset == 0)  // the state itself
            continue;
        if (!result && !returns)
            result = offset;
        else if (count < in.size())
            in[count++] = operand_bytes(*offset, width);
    }
    if (lost)
        return unknown_call(operation);
    // Some read what they write.
    const bool keeps = plan.shape == Shape::whole || plan.shape == Shape::to_first;
    if (result && keeps && count < in.size())
        in[count++] = operand_bytes(*result, width);
    count = std::max<size_t>(count, 1);  // without inputs, a clean one
    Tag tag = others;
    for (size_t i = 0; i < count; ++i)
        tag = rules_.tags().unite(tag, tag_of(in[i]));
    touch(tag, true);
    const std::span<const Bytes64> read(in.data(), count);
    if (returns) {
        Tag first = others;
        const unsigned bytes = plan.shape == Shape::whole ? width : plan.element;
        for (const Bytes64& operand : read)
            first = rules_.tags().unite(first, tag_of(std::span(operand).first(bytes)));
        if (plan.shape == Shape::compare) {
            if (const auto flags = state_.find("cc_src"))
                for (uint32_t i = 0; i < flags->size; ++i)
                    set_state(flags->offset + i, byte_taint(rules_.tags().computed(first), i == 0   ? 0xd5
                                                                                           : i == 1 ? 8
                                                                                                    : 0));
        } else if (plan.shape == Shape::signs && count != 0) {
            Bits bits;
            for (unsigned i = 0; i < width / plan.element; ++i) {
                const ByteTaint top = in[0][(i + 1) * plan.element - 1];
                if ((mask_of(top) & 0x80) != 0) {
                    bits.mask |= uint64_t{1} << i;
                    bits.tags[i / 8] = rules_.tags().unite(bits.tags[i / 8], taint::tag_of(top));
                }
            }
            output(operation, 0, bits, std::nullopt);
        } else {
            return_tag(operation, first);
        }
        return;
    }
    if (!result)
        return;
    Bytes64 out{};
    if (tag != clean)
        out = plan.shape == Shape::to_first ? in[0] : shaped(operation, plan, read, width);
    if (plan.shape == Shape::to_first)
        std::fill_n(out.begin(), plan.element, byte_taint(rules_.tags().computed(others), 0xff));
    for (unsigned i = 0; i < width; ++i)
        set_state(*result + i, out[i]);
    state_.forget_value({*result, width});
}

BlockRun::Bytes64 BlockRun::element_shifts(const Operation& operation, const HelperPlan& plan,
                                           std::span<const Bytes64> in, unsigned width) {
    const auto place = pointers_.offset(code_->code.inputs(operation).back());
    Operand count;
    if (const auto value = place ? state_.value({*place, 8}) : std::nullopt) {
        count.value = *value;
        count.known = true;
    }
    count.bits = load_bits(in.back().data(), 8);
    Bytes64 out{};
    if (plan.shape == Shape::shift_bytes_left || plan.shape == Shape::shift_bytes_right) {
        const bool certain = count.known && !count.bits.any();
        const auto by = static_cast<unsigned>(std::min<uint64_t>(count.value & 0xff, lane));
        for (unsigned i = 0; i < width; ++i) {
            const unsigned begin = i / lane * lane;
            const unsigned end = std::min(begin + lane, width);
            if (!certain)
                out[i] = byte_taint(rules_.tags().unite(tag_of(std::span(in[0]).subspan(begin, end - begin)),
                                                        rules_.all(count.bits)),
                                    0xff);
            else if (plan.shape == Shape::shift_bytes_left)
                out[i] = i - begin >= by ? in[0][i - by] : 0;
            else
                out[i] = i + by < end ? in[0][i + by] : 0;
        }
        return out;
    }
    const unsigned bits = 8u * plan.element;
    const auto kind = plan.shape == Shape::shift_left    ? Rules::Shift::left
                      : plan.shape == Shape::shift_right ? Rules::Shift::right
                                                         : Rules::Shift::arithmetic_right;
    const bool beyond = count.known && count.value >= bits;
    if (beyond && plan.shape == Shape::shift_arithmetic)
        count.value = bits - 1;
    for (unsigned at = 0; at < width; at += plan.element) {
        Operand element{load_bits(in[0].data() + at, plan.element), 0, false};
        Bits shifted;
        if (!beyond || plan.shape == Shape::shift_arithmetic || count.bits.any())
            shifted = rules_.shift(kind, element, count, plan.element);
        store_bits(shifted, out.data() + at, plan.element);
    }
    return out;
}

BlockRun::Bytes64 BlockRun::shaped(const Operation& operation, const HelperPlan& plan,
                                   std::span<const Bytes64> in, unsigned width) {
    Tags& tags = rules_.tags();
    const unsigned element = std::max<unsigned>(plan.element, 1);
    const auto order = static_cast<unsigned>(get(code_->code.inputs(operation).back()).value);
    const Bytes64& a = in.front();
    const Bytes64& b = in.size() > 1 ? in[1] : in[0];
    const unsigned part = std::min(lane, width);  // elements move within this
    Bytes64 out{};
    const auto all_mixed = [&] {
        Tag tag = clean;
        for (const Bytes64& operand : in)
            tag = tags.unite(tag, tag_of(operand));
        for (const uint16_t value : code_->code.inputs(operation))
            if (!pointers_.offset(value))
                tag = tags.unite(tag, rules_.all(get(value).bits));
        std::fill_n(out.begin(), width, byte_taint(tags.computed(tag), 0xff));
        return out;
    };
    const auto element_mixed = [&](unsigned at) {
        Tag tag = clean;
        for (const Bytes64& operand : in)
            tag = tags.unite(tag, tag_of(std::span(operand).subspan(at, element)));
        std::fill_n(out.begin() + at, element, byte_taint(tags.computed(tag), 0xff));
    };
    switch (plan.shape) {
        case Shape::lanes:
            for (unsigned at = 0; at < width; at += element)
                element_mixed(at);
            return out;
        case Shape::scalar:
            out = a;
            element_mixed(0);
            return out;
        case Shape::shift_bytes_left:
        case Shape::shift_bytes_right:
        case Shape::shift_left:
        case Shape::shift_right:
        case Shape::shift_arithmetic:
            return element_shifts(operation, plan, in, width);
        default:
            break;
    }
    const bool by_immediate = plan.shape == Shape::shuffle || plan.shape == Shape::shuffle_pairs ||
                              plan.shape == Shape::shuffle_low || plan.shape == Shape::shuffle_high ||
                              plan.shape == Shape::align;
    if (plan.shape == Shape::whole || (by_immediate && !get(code_->code.inputs(operation).back()).known))
        return all_mixed();
    for (unsigned i = 0; i < width; ++i) {
        const unsigned begin = i / part * part;
        const unsigned at = i % part;
        const unsigned number = at / element;
        const unsigned within = at % element;
        switch (plan.shape) {
            case Shape::unpack_low:
            case Shape::unpack_high: {
                const unsigned half = plan.shape == Shape::unpack_high ? part / 2 : 0;
                out[i] = (number % 2 == 0 ? a : b)[begin + half + number / 2 * element + within];
                break;
            }
            case Shape::pack: {
                // Saturation: each byte of the result depends on the whole element.
                const unsigned from = at * 2 % part / element * element;
                const Bytes64& operand = at * 2 < part ? a : b;
                out[i] = byte_taint(tags.computed(tag_of(std::span(operand).subspan(begin + from, element))),
                                    0xff);
                break;
            }
            case Shape::shuffle:
                out[i] =
                    (in.size() > 1 && number >= 2 ? b : a)[begin + (order >> (2 * number) & 3) * 4 + within];
                break;
            case Shape::shuffle_pairs:
                out[i] = (number == 1 ? b : a)[begin + (order >> (begin / 8 + number) & 1) * 8 + within];
                break;
            case Shape::shuffle_low:
                out[i] = at < 8 ? a[begin + (order >> (2 * number) & 3) * 2 + within] : a[i];
                break;
            case Shape::shuffle_high:
                out[i] = at >= 8 ? a[begin + 8 + (order >> (2 * (number - 4)) & 3) * 2 + within] : a[i];
                break;
            case Shape::align: {
                // The second input is the lower half of what is shifted.
                const unsigned from = at + order % 256;
                out[i] = from < part ? b[begin + from] : from < 2 * part ? a[begin + from - part] : 0;
                break;
            }
            case Shape::aes_round: {
                Tag tag = taint::tag_of(b[i]);
                for (unsigned row = 0; row < 4; ++row)
                    tag = tags.unite(tag, taint::tag_of(a[begin + shifted_row(at / 4 * 4 + row)]));
                out[i] = byte_taint(tags.computed(tag), 0xff);
                break;
            }
            case Shape::aes_last:
                out[i] = byte_taint(
                    tags.computed(tags.unite(taint::tag_of(b[i]), taint::tag_of(a[begin + shifted_row(at)]))),
                    0xff);
                break;
            default:
                return all_mixed();
        }
    }
    return out;
}

}  // namespace panda::taint
