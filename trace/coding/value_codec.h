// The coding `valuePredictions`: the values of stores, those that are not constant.
//
// The unit is a value word: a store of 16 bytes has two, the second as if stored 8 bytes further on. Each
// word of a block's operations has a state of its own, and seven candidates, of which only the bits count
// that the store has:
//
//   0: the word's last value + step 0, its stride
//   1: what was last stored at the address + step 1
//   2: what was last stored at the address of the last load: a copy
//   3: likewise of the load before
//   4: as 2, + step 2: load, add, store
//   5: the address of the access before + step 3: pointers
//   6: the last value that was stored
//
// Loads, accesses and the last value stored are those of the blocks' own operations, stores of constants
// included; each word of a wide store is an access. What was last stored where is known from a cache of 32 Ki
// values without tags, to which helpers' stores go as well (inner_codec.h). Values are in their stores' size,
// with zeros above it. The place of an address in the cache is
//
//   ((address >> 6) * 0x9e3779b97f4a7c15 mod 2^64) >> 53 << 4 | (address >> 2 & 15)
//
// One candidate is preferred, candidate 0 at first. While it is right, nothing is written but a run:
//
//   column  = the streams of streams.h: symbols, step1, step2, step4, value1, value2, value4, value8
//   symbols = as in symbol_stream.h
//   symbol 0 to 6 : this candidate is the first that is right
//   symbol 7      : none is; the next bytes of value1 to value8: the value, as many bytes as the store has
//   symbol 8 to 10: none is; the next 1, 2 or 4 bytes of step1, step2 or step4, fewer than the store has:
//                   zigzag(value - the word's last), the difference in the store's size
//
// After each value step 0 becomes value - the word's last. Where the preferred candidate was wrong, step 1
// becomes value - what was last stored at the address, step 2 value - what was last stored at the address of
// the last load, and step 3 value - the address of the access before, all as it was before this store. A
// candidate that was right instead sets the word's mark of doubt; where it is set already, the candidate is
// preferred from now on, and the mark is cleared. It is cleared as well where the preferred candidate is
// right. All is 0 where a chunk starts. Steps keep the low 32 bits, sign-extended.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "trace/coding/memory_state.h"
#include "trace/coding/symbol_stream.h"

namespace panda::trace {

inline constexpr unsigned value_candidates = 7;
inline constexpr unsigned simple_candidates = 2;  // the first: they need no accesses before
inline constexpr unsigned value_steps = 4;
inline constexpr size_t value_streams = 8;

// The memory as far as stores of this chunk tell, roughly. 256 KiB.
class ValueCache {
  public:
    ValueCache() : values_(std::make_unique<uint64_t[]>(size)) {}
    uint64_t& operator[](uint64_t address) { return values_[index(address)]; }
    void reset();

    // For loops, which keep the place in a register.
    static constexpr unsigned bits = 15;
    static constexpr size_t size = size_t{1} << bits;
    uint64_t* values() { return values_.get(); }
    // Neighbours stay neighbours: 16 entries, two cache lines, belong to 64 bytes of memory.
    static size_t index(uint64_t address) {
        const uint64_t line = (address >> 6) * 0x9e37'79b9'7f4a'7c15 >> (64 - bits + 4);
        return static_cast<size_t>(line << 4 | (address >> 2 & 15));
    }

  private:
    std::unique_ptr<uint64_t[]> values_;
};

// What encoder and decoder have in common.
class ValuePredictor {
  public:
    static constexpr unsigned none = value_candidates;

    // cache: where it is stays in use; it may be moved.
    explicit ValuePredictor(ValueCache& cache) : cache_(cache.values()) {}
    // An access that was made, whether its value is coded or not; a store's value comes with stored().
    void loaded(uint64_t address) {
        loads_[1] = loads_[0];
        loads_[0] = address;
        access_ = address;
    }
    void stored(uint64_t address, uint64_t value) {
        cache_[ValueCache::index(address)] = value;
        access_ = address;
        stored_ = value;
    }

    // address: where the value is stored. The result may have bits above the store's size.
    uint64_t candidate(const ValueState& state, unsigned which, uint64_t address) const {
        switch (which) {
            case 0:
                return state.last + step(state, 0);
            case 1:
                return cached(address) + step(state, 1);
            case 2:
                return cached(loads_[0]);
            case 3:
                return cached(loads_[1]);
            case 4:
                return cached(loads_[0]) + step(state, 2);
            case 5:
                return access_ + step(state, 3);
            default:
                return stored_;
        }
    }
    // As loaded() and stored() would have left it, but for the cache. loads: the last one first.
    void set(const std::array<uint64_t, 2>& loads, uint64_t access, uint64_t stored) {
        loads_ = loads;
        access_ = access;
        stored_ = stored;
    }
    const std::array<uint64_t, 2>& loads() const { return loads_; }
    uint64_t access() const { return access_; }
    uint64_t stored() const { return stored_; }
    // What steps are counted from.
    using Starts = std::array<uint64_t, value_steps>;
    Starts starts(const ValueState& state, uint64_t address) const {
        return {state.last, cached(address), cached(loads_[0]), access_};
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
    static void learn(ValueState& state, const Starts& starts, uint64_t value, unsigned found) {
        const bool again = found != none && state.doubt != 0;
        state.preferred = static_cast<uint8_t>(again ? found : state.preferred);
        state.doubt = again ? 0 : static_cast<uint8_t>(state.doubt | uint8_t{found != none});
        for (unsigned i = 0; i < value_steps; ++i)
            state.step[i] = static_cast<int32_t>(value - starts[i]);
        state.last = value;
    }

    // Forgets all but the cache.
    void reset();

  private:
    static uint64_t step(const ValueState& state, unsigned which) {
        return static_cast<uint64_t>(int64_t{state.step[which]});
    }
    uint64_t cached(uint64_t address) const { return cache_[ValueCache::index(address)]; }

    uint64_t* cache_;
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
    ValueCache& cache() { return cache_; }
    size_t size() const;  // bytes so far
    // The column; the encoder begins anew.
    Bytes take();

  private:
    void miss(ValueState& state, uint64_t address, uint64_t value, uint32_t size);

    ValueCache cache_;
    ValuePredictor predictor_{cache_};
    SymbolWriter symbols_;
    std::array<StreamWriter, value_streams> streams_;
};

// Every call throws Error on malformed input.
class ValueDecoder {
  public:
    // Begins a column, which must outlive its use.
    void start(std::span<const std::byte> column);
    ValueCache& cache() { return cache_; }
    // Throws Error when the column holds more.
    void check_end() const;
    // size: 1 to 8 bytes.
    uint64_t decode(ValueState& state, uint64_t address, uint32_t size) {
        uint64_t value = 0;
        if (symbols_.hit()) [[likely]] {
            value = predictor_.candidate(state, state.preferred, address) & size_mask(size);
            ValuePredictor::confirm(state, value);
        } else {
            value = decode_miss(state, address, size);
        }
        predictor_.stored(address, value);
        return value;
    }

    // --- For loops that keep in their own hands what changes with each value ---
    SymbolReader& symbols() { return symbols_; }
    const SymbolReader& symbols() const { return symbols_; }
    ValuePredictor& predictor() { return predictor_; }
    // The value after symbols().run() that were predicted right. The predictor knows the accesses before, and
    // is to be told what is stored.
    uint64_t decode_miss(ValueState& state, uint64_t address, uint32_t size);

  private:
    uint64_t read_literal(const ValueState& state, unsigned symbol, uint32_t size);

    ValueCache cache_;
    ValuePredictor predictor_{cache_};
    SymbolReader symbols_{{}};
    std::vector<ByteReader> streams_;
};

}  // namespace panda::trace
