#include "trace/address_codec.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "trace/streams.h"

namespace panda::trace {
namespace {

constexpr unsigned near_symbol = address_candidates;  // + bytes - 1
constexpr unsigned far_symbol = near_symbol + 3;
constexpr unsigned shared_symbol = far_symbol + 1;  // + 2 age + bytes - 1
constexpr unsigned symbol_end = shared_symbol + 6;

constexpr size_t symbol_stream = 0;
constexpr size_t near_stream = 1;  // + bytes - 1
constexpr size_t far_stream = 4;
constexpr size_t shared_stream = 5;  // + bytes - 1

uint64_t signed_step(uint64_t address, uint64_t from) {
    return zigzag_encode(static_cast<int64_t>(address - from));
}

// At least 1.
unsigned byte_count(uint64_t value) {
    return (static_cast<unsigned>(std::bit_width(value | 1)) + 7) / 8;
}

}  // namespace

unsigned AddressPredictor::first_right(const AddressState& state, uint64_t address) const {
    unsigned right = 1u << none;
    for (unsigned which = 0; which < address_candidates; ++which)
        right |= static_cast<unsigned>(candidate(state, which) == address) << which;
    return static_cast<unsigned>(std::countr_zero(right));
}

void AddressPredictor::learn(AddressState& state, uint64_t address, unsigned found) {
    if (found != none)
        state.preferred = static_cast<uint8_t>(found);
    state.step[0] = static_cast<int32_t>(address - state.last);
    for (unsigned which = 1; which < address_candidates; ++which)
        state.step[which] = static_cast<int32_t>(address - history_[which - 1]);
    state.last = address;
    history_.push(address);
}

void AddressEncoder::miss(AddressState& state, uint64_t address) {
    const unsigned found = predictor_.first_right(state, address);
    if (found == AddressPredictor::none)
        put_literal(state, address);
    else
        symbols_.put(streams_[symbol_stream], found);
    predictor_.learn(state, address, found);
}

// The shortest form, the first one of them in the order of their symbols. Which one that is is hard to
// foretell, so there are no branches.
void AddressEncoder::put_literal(const AddressState& state, uint64_t address) {
    const AddressHistory& history = predictor_.history();
    const uint64_t steps[] = {signed_step(address, state.last), signed_step(address, history[0]),
                              signed_step(address, history[1]), signed_step(address, history[2])};
    constexpr unsigned too_long = 9;
    unsigned best = too_long << 2;  // bytes << 2 | form
    for (unsigned form = 0; form < std::size(steps); ++form) {
        const unsigned bytes = byte_count(steps[form]);
        best = std::min(best, (bytes <= (form == 0 ? 3u : 2u) ? bytes : too_long) << 2 | form);
    }
    const unsigned bytes = best >> 2, form = best & 3;
    if (bytes == too_long) {
        symbols_.put(streams_[symbol_stream], far_symbol);
        streams_[far_stream].put_low(address, sizeof(address));
    } else {
        const unsigned shared = shared_symbol + 2 * (form - 1) + bytes - 1;
        symbols_.put(streams_[symbol_stream], form == 0 ? near_symbol + bytes - 1 : shared);
        streams_[(form == 0 ? near_stream : shared_stream) + bytes - 1].put_low(steps[form], bytes);
    }
}

size_t AddressEncoder::size() const {
    size_t size = 0;
    for (const StreamWriter& stream : streams_)
        size += stream.size();
    return size;
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

uint64_t AddressDecoder::read_literal(const AddressState& state, unsigned symbol) {
    if (symbol >= symbol_end)
        throw Error("has an invalid symbol in its addresses");
    if (symbol == far_symbol)
        return get_low(streams_[far_stream], sizeof(uint64_t));
    const bool shared = symbol >= shared_symbol;
    const unsigned form = symbol - (shared ? shared_symbol : near_symbol);
    const unsigned bytes = (shared ? form % 2 : form) + 1;
    const uint64_t start = shared ? predictor_.history()[form / 2] : state.last;
    const uint64_t step = get_low(streams_[(shared ? shared_stream : near_stream) + bytes - 1], bytes);
    return start + static_cast<uint64_t>(zigzag_decode(step));
}

uint64_t AddressDecoder::decode_symbol(AddressState& state) {
    const unsigned symbol = symbols_.symbol();
    const bool found = symbol < address_candidates;
    const uint64_t address = found ? predictor_.candidate(state, symbol) : read_literal(state, symbol);
    predictor_.learn(state, address, found ? symbol : AddressPredictor::none);
    return address;
}

void AddressDecoder::check_end() const {
    bool all = symbols_.at_end();
    for (size_t i = symbol_stream + 1; i < streams_.size(); ++i)
        all = all && streams_[i].at_end();
    if (!all)
        throw Error("has more addresses than it says");
}

}  // namespace panda::trace
