#include "recorder/format/value_coding.h"

#include <algorithm>
#include <cstdlib>

namespace panda::recording {
namespace {

constexpr uint8_t plain_tokens = 0xe0;  // tokens below are the value itself
constexpr uint8_t literal_token = 0xe0;
constexpr uint8_t seen_token = 0xe1;
constexpr uint8_t difference_token = 0xf0;

constexpr unsigned rate_fraction_bits = 16;
// A difference must be that much shorter than the value, or else unrelated values would drag clocks away.
constexpr unsigned least_gain_bits = 8;

}  // namespace

uint64_t BitReader::get(unsigned count) {
    uint64_t result = 0;
    unsigned have = 0;
    while (have < count) {
        if (left_ == 0) {
            const auto word = bytes_.remaining() >= 8;
            held_ = word ? bytes_.get<uint64_t>() : bytes_.get<uint8_t>();
            left_ = word ? 64 : 8;
        }
        const unsigned take = std::min(left_, count - have);
        const uint64_t bits = take == 64 ? held_ : held_ & ((uint64_t{1} << take) - 1);
        result |= bits << have;
        held_ = take == 64 ? 0 : held_ >> take;
        left_ -= take;
        have += take;
    }
    return result;
}

uint64_t ValueHistory::predict(unsigned slot, uint64_t instr) const {
    const Slot& s = slots_[slot];
    const auto change = static_cast<int64_t>(static_cast<uint64_t>(s.rate) * (instr - s.instr));
    return s.value + static_cast<uint64_t>(change >> rate_fraction_bits);
}

// The rate follows the median of what was seen, not the mean: a guest that sleeps makes its clocks jump by a
// millisecond in a few instructions. It moves faster while it moves the same way.
void ValueHistory::moved(unsigned slot, uint64_t value, uint64_t instr) {
    constexpr int64_t bound = int64_t{1} << (61 - rate_fraction_bits);  // no rate overflows
    Slot& s = slots_[slot];
    const auto change = static_cast<int64_t>(value - s.value);
    const auto instructions = static_cast<int64_t>(instr - s.instr);
    if (instructions > 0 && change < bound && change > -bound) {
        const int64_t rate = change * (int64_t{1} << rate_fraction_bits) / instructions;
        const bool rising = rate > s.rate;
        const int64_t step = (std::abs(s.rate) >> s.damping) + 1;
        s.damping = rising == s.rising ? std::max(s.damping - 1, 2u) : std::min(s.damping + 1, 8u);
        s.rising = rising;
        s.rate = s.rate == 0 ? rate : s.rate + (rising ? step : -step);
    }
    s.value = value;
    s.instr = instr;
    s.used = ++clock_;
    seen_[index_of(value)] = value;
}

void ValueHistory::entered(uint64_t value, uint64_t instr) {
    Slot& oldest = *std::ranges::min_element(slots_, {}, &Slot::used);
    oldest = {.value = value, .instr = instr, .used = ++clock_};
    seen_[index_of(value)] = value;
}

void ValueEncoder::put(uint64_t value, uint64_t instr) {
    if (value < plain_tokens) {
        tokens_.put(static_cast<uint8_t>(value));
        all_zero_ = all_zero_ && value == 0;
        return;
    }
    all_zero_ = false;
    const uint8_t index = ValueHistory::index_of(value);
    if (history_.seen(index) == value) {
        tokens_.put(seen_token);
        indices_.put(index);
        return;
    }
    unsigned best = 0;
    uint64_t best_residual = UINT64_MAX;
    for (unsigned slot = 0; slot < ValueHistory::slots; ++slot) {
        const uint64_t residual = zigzag_encode(static_cast<int64_t>(value - history_.predict(slot, instr)));
        if (residual < best_residual) {
            best = slot;
            best_residual = residual;
        }
    }
    if (best_residual < value >> least_gain_bits) {
        tokens_.put(static_cast<uint8_t>(difference_token + best));
        put_residual(best_residual);
        history_.moved(best, value, instr);
    } else {
        tokens_.put(literal_token);
        put_residual(value);
        history_.entered(value, instr);
    }
}

void ValueEncoder::put_residual(uint64_t residual) {
    const auto width = static_cast<unsigned>(std::bit_width(residual));
    widths_.put(static_cast<uint8_t>(width));
    if (width > 1)
        bits_.put(residual & ~(uint64_t{1} << (width - 1)), width - 1);
}

void ValueEncoder::finish(ByteWriter& out) {
    put_column(out, all_zero_ ? std::span<const std::byte>() : tokens_.bytes());
    put_column(out, indices_.bytes());
    put_column(out, widths_.bytes());
    put_column(out, bits_.finish());
}

ValueDecoder::ValueDecoder(ByteReader& in)
    : tokens_(take_column(in)),
      indices_(take_column(in)),
      widths_(take_column(in)),
      bits_(take_column(in)),
      all_zero_(tokens_.remaining() == 0) {}

uint64_t ValueDecoder::get(uint64_t instr) {
    if (all_zero_)
        return 0;
    const auto token = tokens_.get<uint8_t>();
    if (token < plain_tokens)
        return token;
    if (token == seen_token)
        return history_.seen(indices_.get<uint8_t>());
    if (token == literal_token) {
        const uint64_t value = get_residual();
        history_.entered(value, instr);
        return value;
    }
    const unsigned slot = token - difference_token;
    if (token < difference_token || slot >= ValueHistory::slots)
        throw Error("a value coded in an unknown way");
    const auto difference = static_cast<uint64_t>(zigzag_decode(get_residual()));
    const uint64_t value = history_.predict(slot, instr) + difference;
    history_.moved(slot, value, instr);
    return value;
}

uint64_t ValueDecoder::get_residual() {
    const auto width = widths_.get<uint8_t>();
    if (width > 64)
        throw Error("a value is longer than 64 bits");
    if (width == 0)
        return 0;
    return bits_.get(width - 1u) | (uint64_t{1} << (width - 1));
}

}  // namespace panda::recording
