// The coding `valuePredictions`: the values of stores whose values are not constant.
//
// The unit is a value word. A store of 16 bytes has two words; the second one is coded as if it were stored 8
// bytes further on. Each word of a block's operations has a state of its own and seven candidates. Only as
// many low bits of a candidate count as the store has:
//
//   0: the word's last value + step 0, its stride
//   1: what was last stored at the address + step 1
//   2: what was last stored at the address of the last load: a copy
//   3: what was last stored at the address of the load before that one
//   4: candidate 2 + step 2: load, add, store
//   5: the address of the access before + step 3: pointers
//   6: the last value that was stored
//
// Loads, accesses and the last value stored are those of the blocks' own operations. Stores of constants
// count too, and each word of a wide store counts as an access. What was last stored at an address is known
// from a cache of 32 Ki values without tags; helpers' stores go there as well (inner_codec.h). Values have
// the size of their stores, with zeros above it. The place of an address in the cache is
//
//   ((address >> 6) * 0x9e3779b97f4a7c15 mod 2^64) >> 53 << 4 | (address >> 2 & 15)
//
// One candidate is preferred, candidate 0 at first. While it is right, nothing is written but a run:
//
//   column  = the streams of streams.h: symbols, step1, step2, step4, value1, value2, value4, value8
//   symbols = as in symbol_stream.h
//   symbol 0 to 6 : this candidate is the first that is right
//   symbol 7      : no candidate is right; the next bytes of value1 to value8 are the value, as many bytes as
//                   the store has
//   symbol 8 to 10: no candidate is right; the next 1, 2 or 4 bytes of step1, step2 or step4, fewer than the
//                   store has, are zigzag(value - the word's last), the difference in the store's size
//
// After each value step 0 becomes value - the word's last. Where the preferred candidate was wrong, step 1
// becomes value - what was last stored at the address, step 2 becomes value - what was last stored at the
// address of the last load, and step 3 becomes value - the address of the access before, all as they were
// before this store. If another candidate was right, it sets the word's mark of doubt; or if the mark is set
// already, this candidate is preferred from now on and the mark is cleared. The mark is also cleared where
// the preferred candidate is right. Everything is 0 where a chunk starts. Steps keep the low 32 bits,
// sign-extended.
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
inline constexpr unsigned simple_candidates = 2;  // so many of the first do not depend on accesses before
inline constexpr unsigned value_steps = 4;
inline constexpr size_t value_streams = 8;

// What memory holds as far as the stores of this chunk tell; addresses that share a place overwrite each
// other. Takes 256 KiB.
class ValueCache {
  public:
    ValueCache() : values_(std::make_unique<uint64_t[]>(size)) {}
    // What was last stored at an address.
    uint64_t& operator[](uint64_t address) { return values_[index(address)]; }
    // Sets everything to 0.
    void reset();

    // For loops that keep the cache's address in a register.
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

    // cache: its values stay in use; the object itself may be moved.
    explicit ValuePredictor(ValueCache& cache) : cache_(cache.values()) {}
    // To be called for every load of the blocks' own operations.
    void loaded(uint64_t address) {
        loads_[1] = loads_[0];
        loads_[0] = address;
        access_ = address;
    }
    // To be called for every store of the blocks' own operations, whether its value is coded or not. value:
    // in the store's size, with zeros above it.
    void stored(uint64_t address, uint64_t value) {
        cache_[ValueCache::index(address)] = value;
        access_ = address;
        stored_ = value;
    }

    // The value that a candidate predicts. address: where it is stored. The result may have bits above the
    // store's size.
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
    // Sets what loaded() and stored() would have set, but for the cache. loads: addresses of the last loads,
    // the last one first. access: address of the last access. stored: the last value stored.
    void set(const std::array<uint64_t, 2>& loads, uint64_t access, uint64_t stored) {
        loads_ = loads;
        access_ = access;
        stored_ = stored;
    }
    // The same as it is now.
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
    // To be called after the preferred candidate was right, and before stored().
    static void confirm(ValueState& state, uint64_t value) {
        state.step[0] = static_cast<int32_t>(value - state.last);
        state.doubt = 0;
        state.last = value;
    }
    // To be called after it was wrong, and before stored(). found: the candidate that was right, or none.
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

    // Forgets everything but the cache.
    void reset();

  private:
    static uint64_t step(const ValueState& state, unsigned which) {
        return static_cast<uint64_t>(int64_t{state.step[which]});
    }
    uint64_t cached(uint64_t address) const { return cache_[ValueCache::index(address)]; }

    uint64_t* cache_;
    std::array<uint64_t, 2> loads_{};  // addresses of the last loads, the last one first
    uint64_t access_ = 0;              // address of the last access
    uint64_t stored_ = 0;              // the last value stored
};

class ValueEncoder {
  public:
    // Appends a value word. address: where it is stored. value: masked to `size` bytes. size: 1 to 8.
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
    // Returns the column and starts the next one.
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
    // Starts a column, whose bytes must stay valid while they are decoded.
    void start(std::span<const std::byte> column);
    ValueCache& cache() { return cache_; }
    // Throws Error when the column holds more.
    void check_end() const;
    // Returns the next value word. address: where it is stored. size: 1 to 8 bytes.
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

    // --- For loops that keep in variables of their own what changes with each value ---
    SymbolReader& symbols() { return symbols_; }
    const SymbolReader& symbols() const { return symbols_; }
    ValuePredictor& predictor() { return predictor_; }
    // Decodes the value that comes after the run of right predictions. The predictor must know the accesses
    // before it. The caller must then call stored().
    uint64_t decode_miss(ValueState& state, uint64_t address, uint32_t size);

  private:
    uint64_t read_literal(const ValueState& state, unsigned symbol, uint32_t size);

    ValueCache cache_;
    ValuePredictor predictor_{cache_};
    SymbolReader symbols_{{}};
    std::vector<ByteReader> streams_;
};

}  // namespace panda::trace
