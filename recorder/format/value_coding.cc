#include "recorder/format/value_coding.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace panda::recording {
namespace {

constexpr uint8_t plain_tokens = 0xe0;  // tokens below are the value itself
constexpr uint8_t literal_token = 0xe0;
constexpr uint8_t seen_token = 0xe1;
constexpr uint8_t difference_token = 0xf0;

constexpr uint64_t plain_symbols = 0xc0;  // symbols below are the residual itself
constexpr unsigned symbol_of_no_bits = 0xbf;

constexpr unsigned rate_fraction_bits = 16;
constexpr unsigned habit_fraction_bits = 8;
// Nothing is learnt from larger changes; with this bound, no arithmetic on changes and rates overflows.
constexpr int64_t learning_bound = int64_t{1} << 45;
// A difference must be this much shorter than the value; otherwise unrelated values would drag clocks away.
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
    const uint64_t key = habit_key(slot, instr - s.instr);
    const Habit& habit = habits_[index_of(key)];
    if (habit.key == key)
        return s.value + static_cast<uint64_t>(habit.change >> habit_fraction_bits);
    const auto change = static_cast<int64_t>(static_cast<uint64_t>(s.rate) * (instr - s.instr));
    return s.value + static_cast<uint64_t>(change >> rate_fraction_bits);
}

void ValueHistory::moved(unsigned slot, uint64_t value, uint64_t instr) {
    Slot& s = slots_[slot];
    const auto change = static_cast<int64_t>(value - s.value);
    const auto instructions = static_cast<int64_t>(instr - s.instr);
    if (instructions >= 0 && change < learning_bound && change > -learning_bound) {
        learn_habit(habit_key(slot, instr - s.instr), change);
        if (instructions > 0)
            learn_rate(s, change, instructions);
    }
    s.value = value;
    s.instr = instr;
    s.used = ++clock_;
    seen_[index_of(value)] = value;
}

// The rate follows the median of what was seen, not the mean, because the clocks of a guest that sleeps jump
// by a millisecond in a few instructions. It moves faster while it keeps moving in the same direction.
void ValueHistory::learn_rate(Slot& slot, int64_t change, int64_t instructions) {
    const int64_t rate = change * (int64_t{1} << rate_fraction_bits) / instructions;
    const bool rising = rate > slot.rate;
    const int64_t step = (std::abs(slot.rate) >> slot.damping) + 1;
    slot.damping = rising == slot.rising ? std::max(slot.damping - 1, 2u) : std::min(slot.damping + 1, 8u);
    slot.rising = rising;
    slot.rate = slot.rate == 0 ? rate : slot.rate + (rising ? step : -step);
}

// An average that a single jump moves little.
void ValueHistory::learn_habit(uint64_t key, int64_t change) {
    Habit& habit = habits_[index_of(key)];
    const int64_t now = change * (int64_t{1} << habit_fraction_bits);
    if (habit.key != key) {
        habit = {key, now};
        return;
    }
    const int64_t limit = std::max(int64_t{2} << habit_fraction_bits, std::abs(habit.change) / 4);
    habit.change += std::clamp(now - habit.change, -limit, limit) / 8;
}

void ValueHistory::entered(uint64_t value, uint64_t instr) {
    Slot& oldest = *std::ranges::min_element(slots_, {}, &Slot::used);
    oldest = {.value = value, .instr = instr, .used = ++clock_};
    seen_[index_of(value)] = value;
}

void ScaleFinder::add(uint64_t value) {
    if (!any_)
        first_ = last_ = value;
    any_ = true;
    ascending_ = ascending_ && value >= last_;
    const uint64_t difference = value - last_;
    if (difference != 0 && (unit_ == 0 || difference % unit_ != 0))
        unit_ = std::gcd(unit_, difference);
    last_ = value;
}

ValueScale ScaleFinder::scale() const {
    if (unit_ == 0)
        return {first_, 1};
    return ascending_ && unit_ > 1 ? ValueScale{first_, unit_} : ValueScale{};
}

void ValueEncoder::put(uint64_t value, uint64_t instr) {
    value = (value - scale_.base) / scale_.unit;
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
    for (unsigned slot = 0; slot < ValueHistory::slots && history_.in_use(slot); ++slot) {
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
    if (residual < plain_symbols) {
        symbols_.put(static_cast<uint8_t>(residual));
        return;
    }
    const auto width = static_cast<unsigned>(std::bit_width(residual));
    symbols_.put(static_cast<uint8_t>(symbol_of_no_bits + width));
    bits_.put(residual & ~(uint64_t{1} << (width - 1)), width - 1);
}

void ValueEncoder::finish(ByteWriter& out) {
    out.put_varint(scale_.base);
    out.put_varint(scale_.unit);
    put_column(out, all_zero_ ? std::span<const std::byte>() : tokens_.bytes());
    put_column(out, indices_.bytes());
    put_column(out, symbols_.bytes());
    put_column(out, bits_.finish());
}

ValueDecoder::ValueDecoder(ByteReader& in)
    : scale_{in.get_varint(), in.get_varint()},
      tokens_(take_column(in)),
      indices_(take_column(in)),
      symbols_(take_column(in)),
      bits_(take_column(in)),
      all_zero_(tokens_.remaining() == 0) {}

uint64_t ValueDecoder::get(uint64_t instr) {
    return all_zero_ ? scale_.base : scale_.base + scale_.unit * get_reduced(instr);
}

uint64_t ValueDecoder::get_reduced(uint64_t instr) {
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
    const auto symbol = symbols_.get<uint8_t>();
    if (symbol < plain_symbols)
        return symbol;
    const unsigned width = symbol - symbol_of_no_bits;
    return bits_.get(width - 1) | (uint64_t{1} << (width - 1));
}

}  // namespace panda::recording
