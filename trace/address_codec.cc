#include "trace/address_codec.h"

#include "trace/streams.h"

namespace panda::trace {

void AddressPredictor::learn(AddressState& state, uint64_t address, unsigned found) {
    if (found != none && ++state.doubt >= 2) {
        state.preferred = static_cast<uint8_t>(found);
        state.doubt = 0;
    }
    state.step[0] = static_cast<int32_t>(address - state.last);
    for (unsigned which = 1; which < address_candidates; ++which)
        state.step[which] = static_cast<int32_t>(address - history_[which - 1]);
    state.last = address;
    history_.push(address);
}

void AddressEncoder::miss(AddressState& state, uint64_t address) {
    unsigned found = 0;
    while (found < address_candidates && predictor_.candidate(state, found) != address)
        ++found;
    if (found == AddressPredictor::none) {
        symbols_.put(0);
        literals_.put_varint(zigzag_encode(static_cast<int64_t>(address - state.last)));
    } else {
        symbols_.put(found + 1);
    }
    predictor_.learn(state, address, found);
}

Bytes AddressEncoder::take() {
    const Bytes symbols = symbols_.take();
    const Bytes literals = literals_.take();
    predictor_.reset();
    return join_streams({symbols, literals});
}

void AddressDecoder::start(std::span<const std::byte> column) {
    const auto streams = split_streams<2>(column);
    symbols_ = SymbolReader(streams[0]);
    literals_ = ByteReader(streams[1]);
    predictor_.reset();
}

uint64_t AddressDecoder::decode_symbol(AddressState& state) {
    const unsigned symbol = symbols_.symbol();
    if (symbol > address_candidates)
        throw Error("has an invalid symbol in its addresses");
    uint64_t address = 0;
    if (symbol == 0)
        address = state.last + static_cast<uint64_t>(zigzag_decode(literals_.get_varint()));
    else
        address = predictor_.candidate(state, symbol - 1);
    predictor_.learn(state, address, symbol == 0 ? AddressPredictor::none : symbol - 1);
    return address;
}

void AddressDecoder::check_end() const {
    if (!symbols_.at_end() || !literals_.at_end())
        throw Error("has more addresses than it says");
}

}  // namespace panda::trace
