#include "trace/value_codec.h"

#include <algorithm>
#include <cstring>

#include "trace/streams.h"

namespace panda::trace {
namespace {

constexpr unsigned literal_symbol = 0;
constexpr unsigned difference_symbol = value_candidates + 1;

size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        ++size;
    return size;
}

// A difference between two values of `size` bytes, the shorter way round.
int64_t difference(uint64_t value, uint64_t last, uint32_t size) {
    const unsigned unused_bits = 64 - 8 * size;
    return static_cast<int64_t>((value - last) << unused_bits) >> unused_bits;
}

}  // namespace

void ValueCache::reset() {
    std::fill(values_.begin(), values_.end(), 0);
}

void ValuePredictor::learn(ValueState& state, uint64_t address, uint64_t value, unsigned found) const {
    if (found != none && ++state.doubt >= 2) {
        state.preferred = static_cast<uint8_t>(found);
        state.doubt = 0;
    }
    state.step[0] = static_cast<int32_t>(value - state.last);
    state.step[1] = static_cast<int32_t>(value - cache_[address]);
    state.step[2] = static_cast<int32_t>(value - cache_[loads_[0]]);
    state.step[3] = static_cast<int32_t>(value - access_);
    state.last = value;
}

void ValuePredictor::reset() {
    cache_.reset();
    loads_ = {};
    access_ = stored_ = 0;
}

void ValueEncoder::miss(ValueState& state, uint64_t address, uint64_t value, uint32_t size) {
    const uint64_t mask = size_mask(size);
    unsigned found = 0;
    while (found < value_candidates && (predictor_.candidate(state, found, address) & mask) != value)
        ++found;
    if (found == ValuePredictor::none)
        put_literal(state, value, size);
    else
        symbols_.put(found + 1);
    predictor_.learn(state, address, value, found);
}

void ValueEncoder::put_literal(const ValueState& state, uint64_t value, uint32_t size) {
    const uint64_t step = zigzag_encode(difference(value, state.last, size));
    if (varint_size(step) < size) {
        symbols_.put(difference_symbol);
        differences_.put_varint(step);
    } else {
        symbols_.put(literal_symbol);
        literals_.put_bytes(std::as_bytes(std::span(&value, 1)).first(size));
    }
}

Bytes ValueEncoder::take() {
    const Bytes symbols = symbols_.take();
    const Bytes differences = differences_.take();
    const Bytes literals = literals_.take();
    predictor_.reset();
    return join_streams({symbols, differences, literals});
}

void ValueDecoder::start(std::span<const std::byte> column) {
    const auto streams = split_streams<3>(column);
    symbols_ = SymbolReader(streams[0]);
    differences_ = ByteReader(streams[1]);
    literals_ = ByteReader(streams[2]);
    predictor_.reset();
}

uint64_t ValueDecoder::read_value(const ValueState& state, unsigned symbol, uint64_t address, uint32_t size) {
    if (symbol == literal_symbol) {
        const auto bytes = literals_.take(size);
        uint64_t value = 0;
        std::memcpy(&value, bytes.data(), size);
        return value;
    }
    if (symbol == difference_symbol)
        return state.last + static_cast<uint64_t>(zigzag_decode(differences_.get_varint()));
    if (symbol > value_candidates)
        throw Error("has an invalid symbol in its values");
    return predictor_.candidate(state, symbol - 1, address);
}

uint64_t ValueDecoder::decode_symbol(ValueState& state, uint64_t address, uint32_t size) {
    const unsigned symbol = symbols_.symbol();
    const uint64_t value = read_value(state, symbol, address, size) & size_mask(size);
    const bool found = symbol >= 1 && symbol <= value_candidates;
    predictor_.learn(state, address, value, found ? symbol - 1 : ValuePredictor::none);
    return value;
}

void ValueDecoder::check_end() const {
    if (!symbols_.at_end() || !differences_.at_end() || !literals_.at_end())
        throw Error("has more values than it says");
}

}  // namespace panda::trace
