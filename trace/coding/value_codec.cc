#include "trace/coding/value_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "trace/coding/streams.h"

namespace panda::trace {
namespace {

constexpr unsigned literal_symbol = value_candidates;
constexpr unsigned step_symbol = literal_symbol + 1;  // + log2 of the step's bytes
constexpr unsigned symbol_end = step_symbol + 3;

constexpr size_t step_stream = 1;   // + log2 of the step's bytes
constexpr size_t value_stream = 4;  // + log2 of the value's bytes

unsigned log2_of(uint32_t size) {
    return static_cast<unsigned>(std::countr_zero(size));
}

// The width with which a step is written: 0, 1, 2 or 3 for 1, 2, 4 or 8 bytes.
unsigned width_of(uint64_t step) {
    return unsigned{step >= 1u << 8} + unsigned{step >= 1u << 16} + unsigned{step >= uint64_t{1} << 32};
}

// The difference between two values of `size` bytes, the shorter way round.
int64_t difference(uint64_t value, uint64_t last, uint32_t size) {
    const unsigned unused_bits = 64 - 8 * size;
    return static_cast<int64_t>((value - last) << unused_bits) >> unused_bits;
}

// The shorter of the two forms. There are no branches, because it is hard to predict which one that is.
Literal literal_of(uint64_t value, uint64_t last, uint32_t size) {
    const uint64_t step = zigzag_encode(difference(value, last, size));
    const unsigned width = width_of(step), whole = log2_of(size);
    const bool shorter = width < whole;
    return {shorter ? step_symbol + width : literal_symbol,
            shorter ? step_stream + width : value_stream + whole, size_t{1} << (shorter ? width : whole),
            shorter ? step : value};
}

}  // namespace

void ValueCache::reset() {
    std::memset(values_.get(), 0, size * sizeof(uint64_t));
}

unsigned ValuePredictor::first_right(const ValueState& state, const Starts& starts, uint64_t value,
                                     uint32_t size) const {
    const std::array<uint64_t, value_candidates> candidates = {
        starts[0] + step(state, 0), starts[1] + step(state, 1), starts[2], cached(loads_[1]),
        starts[2] + step(state, 2), starts[3] + step(state, 3), stored_};
    const uint64_t mask = size_mask(size);
    unsigned right = 1u << none;
    for (unsigned which = 0; which < value_candidates; ++which)
        right |= static_cast<unsigned>(((candidates[which] ^ value) & mask) == 0) << which;
    return static_cast<unsigned>(std::countr_zero(right));
}

void ValuePredictor::reset() {
    loads_ = {};
    access_ = stored_ = 0;
}

void ValueEncoder::miss(ValueState& state, uint64_t address, uint64_t value, uint32_t size) {
    const ValuePredictor::Starts starts = predictor_.starts(state, address);
    const unsigned found = predictor_.first_right(state, starts, value, size);
    symbols_.miss(streams_, found != ValuePredictor::none, found, literal_of(value, state.last, size));
    ValuePredictor::learn(state, starts, value, found);
}

size_t ValueEncoder::size() const {
    return total_size(streams_);
}

Bytes ValueEncoder::take() {
    symbols_.reset();
    cache_.reset();
    predictor_.reset();
    return join_streams(streams_);
}

void ValueDecoder::start(std::span<const std::byte> column) {
    streams_.clear();
    for (const auto stream : split_streams<value_streams>(column))
        streams_.emplace_back(stream);
    symbols_ = SymbolReader(split_streams<value_streams>(column)[symbol_stream]);
    cache_.reset();
    predictor_.reset();
}

inline uint64_t ValueDecoder::read_literal(const ValueState& state, unsigned symbol, uint32_t size) {
    if (symbol == literal_symbol)
        return get_low(streams_[value_stream + log2_of(size)], size);
    if (symbol >= symbol_end)
        throw Error("has an invalid symbol in its values");
    const unsigned width = symbol - step_symbol;
    const uint64_t step = get_low(streams_[step_stream + width], 1u << width);
    return state.last + static_cast<uint64_t>(zigzag_decode(step));
}

uint64_t ValueDecoder::decode_miss(ValueState& state, uint64_t address, uint32_t size) {
    const unsigned symbol = symbols_.symbol();
    const bool found = symbol < value_candidates;
    const uint64_t value =
        (found ? predictor_.candidate(state, symbol, address) : read_literal(state, symbol, size)) &
        size_mask(size);
    predictor_.learn(state, address, value, found ? symbol : ValuePredictor::none);
    return value;
}

void ValueDecoder::check_end() const {
    if (!symbols_.at_end() || !at_end(std::span(streams_).subspan(symbol_stream + 1)))
        throw Error("has more values than it says");
}

}  // namespace panda::trace
