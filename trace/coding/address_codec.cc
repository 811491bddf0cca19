#include "trace/coding/address_codec.h"

#include <algorithm>
#include <bit>

#include "trace/coding/streams.h"

namespace panda::trace {
namespace {

constexpr unsigned near_symbol = address_candidates;  // + bytes - 1
constexpr unsigned far_symbol = near_symbol + 3;
constexpr unsigned shared_symbol = far_symbol + 1;  // + 2 * age + bytes - 1
constexpr unsigned symbol_end = shared_symbol + 6;

constexpr size_t near_stream = 1;  // + bytes - 1
constexpr size_t far_stream = 4;
constexpr size_t shared_stream = 5;  // + bytes - 1

// How many bytes hold this number; at least 1.
unsigned byte_count(uint64_t value) {
    return (static_cast<unsigned>(std::bit_width(value | 1)) + 7) / 8;
}

// The shortest form; among forms of the same length, the first one in the order of symbols. There are no
// branches, because it is hard to predict which form that is.
Literal literal_of(uint64_t address, const AddressPredictor::Distances& distances) {
    constexpr unsigned forms = 4;
    constexpr unsigned too_long = 9;
    std::array<uint64_t, forms + 1> values;  // the last one is the address
    values[forms] = address;
    unsigned best = too_long << 3 | forms;  // bytes << 3 | form
    for (unsigned form = 0; form < forms; ++form) {
        values[form] = zigzag_encode(static_cast<int64_t>(distances[form]));
        const unsigned bytes = byte_count(values[form]);
        best = std::min(best, bytes <= (form == 0 ? 3u : 2u) ? bytes << 3 | form : best);
    }
    const unsigned form = best & 7;
    const unsigned bytes = best >> 3;
    constexpr std::array<unsigned, forms + 1> first_symbol = {near_symbol, shared_symbol, shared_symbol + 2,
                                                              shared_symbol + 4, far_symbol};
    constexpr std::array<size_t, forms + 1> first_stream = {near_stream, shared_stream, shared_stream,
                                                            shared_stream, far_stream};
    const unsigned step = form == forms ? 0 : bytes - 1;
    return {first_symbol[form] + step, first_stream[form] + step, form == forms ? sizeof(address) : bytes,
            values[form]};
}

}  // namespace

unsigned AddressPredictor::first_right(const AddressState& state, const Distances& distances) {
    unsigned right = 1u << none;
    for (unsigned which = 0; which < address_candidates; ++which)
        right |= static_cast<unsigned>(static_cast<uint64_t>(int64_t{state.step[which]}) == distances[which])
                 << which;
    return static_cast<unsigned>(std::countr_zero(right));
}

void AddressEncoder::miss(AddressState& state, uint64_t address) {
    const AddressPredictor::Distances distances = predictor_.distances(state, address);
    const unsigned found = AddressPredictor::first_right(state, distances);
    symbols_.miss(streams_, found != AddressPredictor::none, found, literal_of(address, distances));
    predictor_.learn(state, address, found, distances);
}

size_t AddressEncoder::size() const {
    return total_size(streams_);
}

Bytes AddressEncoder::take() {
    symbols_.reset();
    predictor_.reset();
    return join_streams(streams_);
}

void AddressDecoder::start(std::span<const std::byte> column) {
    streams_.clear();
    for (const auto stream : split_streams<address_streams>(column))
        streams_.emplace_back(stream);
    symbols_ = SymbolReader(split_streams<address_streams>(column)[symbol_stream]);
    predictor_.reset();
}

inline AddressDecoder::Difference AddressDecoder::read_difference(unsigned symbol) {
    if (symbol >= symbol_end)
        throw Error("has an invalid symbol in its addresses");
    if (symbol == far_symbol)
        return {get_low(streams_[far_stream], sizeof(uint64_t)), AddressPredictor::none};
    const bool shared = symbol >= shared_symbol;
    const unsigned form = symbol - (shared ? shared_symbol : near_symbol);
    const unsigned bytes = (shared ? form % 2 : form) + 1;
    const uint64_t step = get_low(streams_[(shared ? shared_stream : near_stream) + bytes - 1], bytes);
    return {static_cast<uint64_t>(zigzag_decode(step)), shared ? form / 2 + 1 : 0};
}

uint64_t AddressDecoder::decode_miss(AddressState& state, const uint64_t* next) {
    const auto start = [&](unsigned which) { return which == 0 ? state.last : *(next - which); };
    const unsigned symbol = symbols_.symbol();
    uint64_t address = 0;
    if (symbol < address_candidates) {
        address = start(symbol) + static_cast<uint64_t>(int64_t{state.step[symbol]});
        state.preferred = static_cast<uint8_t>(symbol);
    } else {
        const Difference difference = read_difference(symbol);
        address =
            difference.step + (difference.start == AddressPredictor::none ? 0 : start(difference.start));
    }
    for (unsigned which = 1; which < address_candidates; ++which)
        state.step[which] = static_cast<int32_t>(address - start(which));
    return address;
}

void AddressDecoder::check_end() const {
    if (!symbols_.at_end() || !at_end(std::span(streams_).subspan(symbol_stream + 1)))
        throw Error("has more addresses than it says");
}

}  // namespace panda::trace
