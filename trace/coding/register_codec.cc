#include "trace/coding/register_codec.h"

#include <algorithm>
#include <bit>
#include <new>
#include <type_traits>

#include "trace/coding/streams.h"

namespace panda::trace {
namespace {

constexpr size_t mask_stream = 0;
constexpr size_t value_symbol_stream = 1;
constexpr size_t added_stream = 2;
constexpr size_t copy_stream = 3;
constexpr size_t step_stream = 4;  // + log2 of the step's bytes
constexpr size_t value_stream = 7;

constexpr unsigned more_symbol = 0;  // in the stream of masks
constexpr unsigned copy_symbol = RegisterPredictor::candidates;
constexpr unsigned last_symbol = copy_symbol + 1;    // + log2 of the step's bytes
constexpr unsigned before_symbol = last_symbol + 3;  // + log2 of the step's bytes
constexpr unsigned value_symbol = before_symbol + 3;

constexpr unsigned mask_bytes = 3;
static_assert(block_registers <= 8 * mask_bytes);

// The log2 of the number of bytes that hold this number: 0 to 2, or 3 for more than 4 bytes.
unsigned width_of(uint64_t number) {
    const auto bits = static_cast<unsigned>(std::bit_width(number));
    return bits <= 8 ? 0 : bits <= 16 ? 1 : bits <= 32 ? 2 : 3;
}

// Calls what(number) for each register of a mask.
template <typename Function>
void for_each_register(uint32_t mask, const Function& what) {
    for (; mask != 0; mask &= mask - 1)
        what(static_cast<unsigned>(std::countr_zero(mask)));
}

}  // namespace

// --- Prediction ---

// The table comes from calloc, which leaves pages alone until they are touched. A RegisterHabits starts as
// all zero.
RegisterPredictor::RegisterPredictor()
    : table_(static_cast<RegisterHabits*>(std::calloc(table_size, sizeof(RegisterHabits)))) {
    static_assert(std::is_trivially_copyable_v<RegisterHabits>);
    if (!table_)
        throw std::bad_alloc();
}

void RegisterPredictor::reset() {
    if (++stamp_ == 0) {  // all stamps were used
        std::fill_n(table_.get(), table_size, RegisterHabits());
        stamp_ = 1;
    }
    values_ = {};
    enter(table_size - 1);
}

void RegisterPredictor::go_on(uint32_t id, uint32_t changed, const BlockRegisters& values) {
    size_t next = 0;
    for_each_register(changed, [&](unsigned number) { values_[number] = values[next++]; });
    enter(id);
}

void RegisterPredictor::enter(size_t id) {
    habits_ = &table_[id % table_size];
    if (habits_->stamp != stamp_) {
        *habits_ = RegisterHabits();
        habits_->stamp = stamp_;
    }
}

unsigned RegisterPredictor::first_right(const RegisterState& state, unsigned number, uint64_t value) const {
    unsigned which = 0;
    while (which < candidates && candidate(state, number, which) != value)
        ++which;
    return which;
}

unsigned RegisterPredictor::holder(uint64_t value) const {
    return static_cast<unsigned>(std::ranges::find(values_, value) - values_.begin());
}

void RegisterPredictor::learn(RegisterState& state, unsigned number, uint64_t value, unsigned found,
                              unsigned holder) const {
    if (found != none) {
        state.preferred = static_cast<uint8_t>(found);
    } else if (holder != block_registers) {
        state.preferred = 2;
        state.other = static_cast<uint8_t>(holder);
    }
    state.step = {static_cast<int32_t>(value - values_[number]), static_cast<int32_t>(value - state.last),
                  static_cast<int32_t>(value - values_[state.other])};
    state.last = value;
}

// --- Encoding ---

void RegisterEncoder::append(uint32_t id, const BlockRegisters& values) {
    RegisterHabits& habits = predictor_.habits();
    uint32_t added = 0;
    for (unsigned number = 0; number < block_registers; ++number)
        if (values[number] != predictor_.values()[number])
            added |= 1u << number;
    added &= ~habits.changes;
    if (added == 0) {
        masks_.hit();
    } else {
        masks_.put(streams_[mask_stream], more_symbol);
        streams_[added_stream].put_low(added, mask_bytes);
        habits.changes |= added;
    }
    BlockRegisters changed;
    size_t count = 0;
    for_each_register(habits.changes, [&](unsigned number) {
        append_value(habits.registers[number], number, values[number]);
        changed[count++] = values[number];
    });
    predictor_.go_on(id, habits.changes, changed);
    ++count_;
}

void RegisterEncoder::append_value(RegisterState& state, unsigned number, uint64_t value) {
    if (predictor_.candidate(state, number, state.preferred) == value) {
        symbols_.hit();
        RegisterPredictor::confirm(state, value);
        return;
    }
    const unsigned found = predictor_.first_right(state, number, value);
    const unsigned holder = found == RegisterPredictor::none ? predictor_.holder(value) : block_registers;
    if (found != RegisterPredictor::none) {
        symbols_.put(streams_[value_symbol_stream], found);
    } else if (holder != block_registers) {
        symbols_.put(streams_[value_symbol_stream], copy_symbol);
        streams_[copy_stream].put_low(holder, 1);
    } else {
        append_literal(state, number, value);
    }
    predictor_.learn(state, number, value, found, holder);
}

// Writes the shorter of the two differences, or the value if neither fits into 4 bytes.
void RegisterEncoder::append_literal(const RegisterState& state, unsigned number, uint64_t value) {
    const uint64_t from_last = zigzag_encode(static_cast<int64_t>(value - state.last));
    const uint64_t from_before = zigzag_encode(static_cast<int64_t>(value - predictor_.values()[number]));
    const unsigned width = std::min(width_of(from_last), width_of(from_before));
    StreamWriter& symbols = streams_[value_symbol_stream];
    if (width == 3) {
        symbols_.put(symbols, value_symbol);
        streams_[value_stream].put_low(value, sizeof(value));
        return;
    }
    const bool last = width_of(from_last) == width;
    symbols_.put(symbols, (last ? last_symbol : before_symbol) + width);
    streams_[step_stream + width].put_low(last ? from_last : from_before, size_t{1} << width);
}

size_t RegisterEncoder::size() const {
    return total_size(streams_);
}

Bytes RegisterEncoder::take() {
    masks_.reset();
    symbols_.reset();
    predictor_.reset();
    count_ = 0;
    return join_streams(streams_);
}

// --- Decoding ---

void RegisterDecoder::start(std::span<const std::byte> column) {
    const auto streams = split_streams<register_streams>(column);
    streams_.clear();
    for (const auto stream : streams)
        streams_.emplace_back(stream);
    masks_ = SymbolReader(streams[mask_stream]);
    symbols_ = SymbolReader(streams[value_symbol_stream]);
    predictor_.reset();
}

const BlockRegisters& RegisterDecoder::next(uint32_t id) {
    RegisterHabits& habits = predictor_.habits();
    if (!masks_.hit()) [[unlikely]] {
        if (masks_.symbol() != more_symbol)
            throw Error("has an invalid symbol in its registers");
        const auto added = static_cast<uint32_t>(get_low(streams_[added_stream], mask_bytes));
        if (added >> block_registers != 0)
            throw Error("has a register that does not exist");
        habits.changes |= added;
    }
    BlockRegisters changed;  // all of these follow from the registers before
    size_t count = 0;
    for_each_register(habits.changes, [&](unsigned number) {
        changed[count++] = next_value(habits.registers[number], number);
    });
    predictor_.go_on(id, habits.changes, changed);
    return predictor_.values();
}

uint64_t RegisterDecoder::next_value(RegisterState& state, unsigned number) {
    if (symbols_.hit()) [[likely]] {
        const uint64_t value = predictor_.candidate(state, number, state.preferred);
        RegisterPredictor::confirm(state, value);
        return value;
    }
    const unsigned symbol = symbols_.symbol();
    unsigned holder = block_registers;
    uint64_t value = 0;
    if (symbol < RegisterPredictor::candidates) {
        value = predictor_.candidate(state, number, symbol);
    } else if (symbol == copy_symbol) {
        holder = static_cast<unsigned>(get_low(streams_[copy_stream], 1));
        if (holder >= block_registers)
            throw Error("has a register that does not exist");
        value = predictor_.values()[holder];
    } else {
        value = read_literal(state, number, symbol);
    }
    predictor_.learn(state, number, value, std::min(symbol, RegisterPredictor::none), holder);
    return value;
}

uint64_t RegisterDecoder::read_literal(const RegisterState& state, unsigned number, unsigned symbol) {
    if (symbol == value_symbol)
        return get_low(streams_[value_stream], sizeof(uint64_t));
    if (symbol > value_symbol)
        throw Error("has an invalid symbol in its registers");
    const bool last = symbol < before_symbol;
    const unsigned width = symbol - (last ? last_symbol : before_symbol);
    const uint64_t step = get_low(streams_[step_stream + width], 1u << width);
    return (last ? state.last : predictor_.values()[number]) + static_cast<uint64_t>(zigzag_decode(step));
}

void RegisterDecoder::check_end() const {
    if (!masks_.at_end() || !symbols_.at_end() || !at_end(std::span(streams_).subspan(added_stream)))
        throw Error("has more registers than it says");
}

}  // namespace panda::trace
