// The coding `valuePredictions`: the values of stores, those that are not constant.
//
// The unit is a value word: a store of 16 bytes has two, the second as if stored 8 bytes further on.
// Candidates are compared in the store's size:
//
//   0: the operation's last value + step 0, its stride
//   1: what was last stored at the address + step 1
//   2: what was last stored at the address of the last load: a copy
//   3: likewise of the load before
//   4: as 2, + step 2: load, add, store
//   5: the address of the access before + step 3: pointers
//   6: the last value that was stored
//
// What was last stored where is known from a cache of 64 K entries without tags. Its values are the stores'
// of this chunk, those of helpers included.
//
// One candidate is preferred. While it is right, nothing is written but a run:
//
//   column  = the streams of streams.h: symbols, step1, step2, step4, value1, value2, value4, value8
//   symbols = as in symbol_stream.h
//   symbol 0 to 6 : this candidate is the first that is right
//   symbol 7      : none is; the next bytes of value1 to value8: the value, as many bytes as the store has
//   symbol 8 to 10: none is; the next 1, 2 or 4 bytes of step1, step2 or step4, fewer than the store has:
//                   zigzag(value - the operation's last)
//
// After each value the operation's last value and stride are updated; the other steps only when the preferred
// candidate was wrong. The candidate that was right instead is preferred from the second time in a row on.
// Steps are kept in 32 bits, sign-extended.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "trace/memory_state.h"
#include "trace/symbol_stream.h"

namespace panda::trace {

inline constexpr unsigned value_candidates = 7;
inline constexpr unsigned value_steps = 4;
inline constexpr size_t value_streams = 8;

// The memory as far as stores of this chunk tell, roughly. 256 KiB.
class ValueCache {
  public:
    ValueCache() : values_(size_t{1} << bits) {}
    uint64_t& operator[](uint64_t address) { return values_[index(address)]; }
    uint64_t operator[](uint64_t address) const { return values_[index(address)]; }
    void reset();

  private:
    static constexpr unsigned bits = 15;
    // Neighbours stay neighbours: 16 entries, two cache lines, belong to 64 bytes of memory.
    static size_t index(uint64_t address) {
        const uint64_t line = (address >> 6) * 0x9e37'79b9'7f4a'7c15 >> (64 - bits + 4);
        return static_cast<size_t>(line << 4 | (address >> 2 & 15));
    }
    std::vector<uint64_t> values_;
};

// What encoder and decoder have in common.
class ValuePredictor {
  public:
    // An access that was made, whether its value is coded or not; a store's value comes with stored().
    void loaded(uint64_t address) {
        loads_[1] = loads_[0];
        loads_[0] = address;
        access_ = address;
    }
    void stored(uint64_t address, uint64_t value) {
        cache_[address] = value;
        access_ = address;
        stored_ = value;
    }
    ValueCache& cache() { return cache_; }

    // address: where the value is stored. The result may have bits above the store's size.
    uint64_t candidate(const ValueState& state, unsigned which, uint64_t address) const {
        switch (which) {
            case 0:
                return state.last + step(state, 0);
            case 1:
                return cache_[address] + step(state, 1);
            case 2:
                return cache_[loads_[0]];
            case 3:
                return cache_[loads_[1]];
            case 4:
                return cache_[loads_[0]] + step(state, 2);
            case 5:
                return access_ + step(state, 3);
            default:
                return stored_;
        }
    }
    // What steps are counted from.
    using Starts = std::array<uint64_t, value_steps>;
    Starts starts(const ValueState& state, uint64_t address) const {
        return {state.last, cache_[address], cache_[loads_[0]], access_};
    }
    // The first candidate that gives the value, in the store's size, or none.
    unsigned first_right(const ValueState& state, const Starts& starts, uint64_t value, uint32_t size) const;
    // After the preferred candidate was right. Before stored().
    static void confirm(ValueState& state, uint64_t value) {
        state.step[0] = static_cast<int32_t>(value - state.last);
        state.doubt = 0;
        state.last = value;
    }
    // After it was wrong. found: the candidate that was right, or none. Before stored().
    void learn(ValueState& state, uint64_t address, uint64_t value, unsigned found) const {
        learn(state, starts(state, address), value, found);
    }
    static void learn(ValueState& state, const Starts& starts, uint64_t value, unsigned found);

    void reset();
    static constexpr unsigned none = value_candidates;

  private:
    static uint64_t step(const ValueState& state, unsigned which) {
        return static_cast<uint64_t>(int64_t{state.step[which]});
    }

    ValueCache cache_;
    std::array<uint64_t, 2> loads_{};  // addresses of the last loads, the last one first
    uint64_t access_ = 0;              // address of the last access
    uint64_t stored_ = 0;              // the last value
};

class ValueEncoder {
  public:
    // value: masked to `size` bytes, 1 to 8.
    void encode(ValueState& state, uint64_t address, uint64_t value, uint32_t size) {
        const uint64_t wrong = predictor_.candidate(state, state.preferred, address) ^ value;
        if ((wrong & size_mask(size)) == 0) [[likely]] {
            symbols_.hit();
            ValuePredictor::confirm(state, value);
        } else {
            miss(state, address, value, size);
        }
        predictor_.stored(address, value);
    }
    ValuePredictor& predictor() { return predictor_; }
    size_t size() const;  // bytes so far
    // The column; the encoder begins anew.
    Bytes take();

  private:
    void miss(ValueState& state, uint64_t address, uint64_t value, uint32_t size);

    ValuePredictor predictor_;
    SymbolWriter symbols_;
    std::array<StreamWriter, value_streams> streams_;
};

// Every call throws Error on malformed input.
class ValueDecoder {
  public:
    // Begins a column, which must outlive its use.
    void start(std::span<const std::byte> column);
    // size: 1 to 8 bytes.
    uint64_t decode(ValueState& state, uint64_t address, uint32_t size) {
        uint64_t value = 0;
        if (symbols_.hit()) [[likely]] {
            value = predictor_.candidate(state, state.preferred, address) & size_mask(size);
            ValuePredictor::confirm(state, value);
        } else {
            value = decode_symbol(state, address, size);
        }
        predictor_.stored(address, value);
        return value;
    }
    ValuePredictor& predictor() { return predictor_; }
    // Throws Error when the column holds more.
    void check_end() const;

  private:
    uint64_t decode_symbol(ValueState& state, uint64_t address, uint32_t size);
    uint64_t read_value(const ValueState& state, unsigned symbol, uint64_t address, uint32_t size);

    ValuePredictor predictor_;
    SymbolReader symbols_{{}};
    std::vector<ByteReader> streams_;
};

}  // namespace panda::trace
