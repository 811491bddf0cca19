// The coding `addressPredictions`: the addresses of executed memory operations, those that are not derived.
//
// For each operation the coder has five candidates, each a start and this operation's last step from there:
//
//   0     : its last address; the step is its stride
//   1 to 4: the k-th last address that was coded, whichever operation's: an implicit shared base register
//
// One of them is preferred. While it is right, nothing is written but a run:
//
//   column  = varint size of `symbols`, symbols, literals
//   symbols = as in symbol_stream.h
//   symbol 0     : no candidate is right; the next of `literals`: varint zigzag(address - the operation's
//   last) symbol 1 to 5: candidate symbol - 1 is the first that is right
//
// After each address the operation's last address and stride are updated; the other steps only when the
// preferred candidate was wrong. The candidate that was right instead is preferred from the second time in a
// row on. Steps are kept in 32 bits, sign-extended: a longer one makes its candidate wrong, no more.
#pragma once

#include <cstdint>
#include <span>

#include "trace/memory_state.h"
#include "trace/symbol_stream.h"

namespace panda::trace {

inline constexpr unsigned address_candidates = 5;

// The last four addresses that were coded.
class AddressHistory {
  public:
    void push(uint64_t address) { recent_[++position_ & 3] = address; }
    // age: 0 is the last one, at most 3.
    uint64_t operator[](uint32_t age) const { return recent_[(position_ - age) & 3]; }

  private:
    uint64_t recent_[4] = {};
    uint32_t position_ = 0;
};

// What encoder and decoder have in common.
class AddressPredictor {
  public:
    uint64_t candidate(const AddressState& state, unsigned which) const {
        const uint64_t start = which == 0 ? state.last : history_[which - 1];
        return start + static_cast<uint64_t>(int64_t{state.step[which]});
    }
    // After the preferred candidate was right.
    void confirm(AddressState& state, uint64_t address) {
        state.step[0] = static_cast<int32_t>(address - state.last);
        state.doubt = 0;
        state.last = address;
        history_.push(address);
    }
    // After it was wrong. found: the candidate that was right, or none.
    void learn(AddressState& state, uint64_t address, unsigned found);

    void reset() { history_ = AddressHistory(); }
    static constexpr unsigned none = address_candidates;

  private:
    AddressHistory history_;
};

class AddressEncoder {
  public:
    void encode(AddressState& state, uint64_t address) {
        if (predictor_.candidate(state, state.preferred) == address) [[likely]] {
            symbols_.hit();
            predictor_.confirm(state, address);
        } else {
            miss(state, address);
        }
    }
    size_t size() const { return symbols_.size() + literals_.size(); }
    // The column; the encoder begins anew.
    Bytes take();

  private:
    void miss(AddressState& state, uint64_t address);

    AddressPredictor predictor_;
    SymbolWriter symbols_;
    ByteWriter literals_;
};

// Every call throws Error on malformed input.
class AddressDecoder {
  public:
    // Begins a column, which must outlive its use.
    void start(std::span<const std::byte> column);
    uint64_t decode(AddressState& state) {
        if (!symbols_.hit()) [[unlikely]]
            return decode_symbol(state);
        const uint64_t address = predictor_.candidate(state, state.preferred);
        predictor_.confirm(state, address);
        return address;
    }
    // Throws Error when the column holds more.
    void check_end() const;

  private:
    uint64_t decode_symbol(AddressState& state);

    AddressPredictor predictor_;
    SymbolReader symbols_{{}};
    ByteReader literals_{{}};
};

}  // namespace panda::trace
