// The coding `addressPredictions`: the address words of executed memory operations. These are the addresses
// that are not derived, and the values that operations of size 0 tell of registers.
//
// The coder has five candidates for each operation. A candidate is a start and the operation's last step from
// there. The starts are:
//
//   0     : the operation's last address; the step is its stride
//   1 to 4: the k-th last address of the column, of whichever operation: an implicit shared base register
//
// One of them is preferred, candidate 0 at first. While it is right, nothing is written but a run:
//
//   column  = the streams of streams.h: symbols, near1, near2, near3, far, shared1, shared2
//   symbols = as in symbol_stream.h
//   symbol 0 to 4 : this candidate is the first that is right
//   symbol 5 to 7 : no candidate is right; the next 1, 2 or 3 bytes of near1, near2 or near3 are
//                   zigzag(address - the operation's last)
//   symbol 8      : no candidate is right; the next 8 bytes of far are the address
//   symbol 9 to 14: no candidate is right; with symbol - 9 = 2 k + n - 1, the next n bytes of shared1 or
//                   shared2 are zigzag(address - the (k+1)-th last address of the column)
//
// Numbers are little-endian. Differences of one width stand together because zstd does better with them than
// with varints: 12 % of the column, measured on a Linux boot.
//
// After each address step 0 becomes address - the operation's last, and the address becomes the last one of
// the operation and of the column. Before that, and only where the preferred candidate was wrong, step k
// becomes address - the k-th last address of the column, for all k from 1 to 4; and the candidate that was
// right, if any, is preferred from now on. Everything is 0 where a chunk starts. Steps keep the low 32 bits,
// sign-extended. A longer step only makes its candidate wrong.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "trace/coding/memory_state.h"
#include "trace/coding/symbol_stream.h"

namespace panda::trace {

inline constexpr unsigned address_candidates = 5;
inline constexpr size_t address_streams = 7;

// The last four addresses that were coded.
class AddressHistory {
  public:
    static constexpr unsigned size = 4;
    void push(uint64_t address) { recent_[++position_ & 3] = address; }
    // age: 0 is the last one, modulo 4.
    uint64_t operator[](uint32_t age) const { return recent_[(position_ - age) & 3]; }
    // All of them, the last one last.
    std::array<uint64_t, size> in_order() const { return {(*this)[3], (*this)[2], (*this)[1], (*this)[0]}; }

  private:
    uint64_t recent_[4] = {};
    uint32_t position_ = 0;
};

// What encoder and decoder have in common.
class AddressPredictor {
  public:
    uint64_t candidate(const AddressState& state, unsigned which) const {
        const uint64_t shared = history_[which - 1];  // valid for any `which`, so no branch is needed
        const uint64_t start = which == 0 ? state.last : shared;
        return start + static_cast<uint64_t>(int64_t{state.step[which]});
    }
    // How far the address is from where each candidate starts.
    using Distances = std::array<uint64_t, address_candidates>;
    Distances distances(const AddressState& state, uint64_t address) const {
        return {address - state.last, address - history_[0], address - history_[1], address - history_[2],
                address - history_[3]};
    }
    // The first candidate that gives the address at these distances, or none.
    static unsigned first_right(const AddressState& state, const Distances& distances);
    // To be called after the preferred candidate was right.
    void confirm(AddressState& state, uint64_t address) {
        state.step[0] = static_cast<int32_t>(address - state.last);
        state.last = address;
        history_.push(address);
    }
    // To be called after it was wrong. found: the candidate that was right, or none.
    void learn(AddressState& state, uint64_t address, unsigned found, const Distances& distances) {
        state.preferred = static_cast<uint8_t>(found != none ? found : state.preferred);
        for (unsigned which = 0; which < address_candidates; ++which)
            state.step[which] = static_cast<int32_t>(distances[which]);
        state.last = address;
        history_.push(address);
    }

    // The last addresses that were coded.
    AddressHistory& history() { return history_; }
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
    size_t size() const;  // bytes so far
    // Returns the column and starts the next one.
    Bytes take();

  private:
    void miss(AddressState& state, uint64_t address);

    AddressPredictor predictor_;
    SymbolWriter symbols_;
    std::array<StreamWriter, address_streams> streams_;
};

// Every call throws Error on malformed input.
class AddressDecoder {
  public:
    // Starts a column, whose bytes must stay valid while they are decoded.
    void start(std::span<const std::byte> column);
    // Throws Error when the column holds more.
    void check_end() const;
    uint64_t decode(AddressState& state) {
        uint64_t address = 0;
        if (symbols_.hit()) [[likely]] {
            address = predictor_.candidate(state, state.preferred);
        } else {
            const auto recent = history().in_order();
            address = decode_miss(state, recent.data() + recent.size());
        }
        predictor_.confirm(state, address);
        return address;
    }

    // --- For loops that keep in variables of their own what changes with each address ---
    SymbolReader& symbols() { return symbols_; }
    const SymbolReader& symbols() const { return symbols_; }
    AddressHistory& history() { return predictor_.history(); }
    // Decodes the address that comes after the run of right predictions. next: points behind the last
    // addresses, as many as the history has. Updates only what is not updated after every address in the
    // state.
    uint64_t decode_miss(AddressState& state, const uint64_t* next);

  private:
    // What is written where no candidate is right.
    struct Difference {
        uint64_t step;
        unsigned start;  // the candidate whose start it is counted from; none: the step is the address
    };
    Difference read_difference(unsigned symbol);

    AddressPredictor predictor_;
    SymbolReader symbols_{{}};
    std::vector<ByteReader> streams_;
};

}  // namespace panda::trace
