// The coding `registerPredictions`: the registers where each execution starts. Their numbers are 0 to 15 for
// the general ones, in the order of X86State.general, and 16 for rflags.
//
// What differs from the execution before is what the block before has changed, so everything is learnt by
// that block: which registers it changes, and how. Registers that it has never changed in this chunk take
// nothing. For each of the others there are three candidates:
//
//   0: what the register was before the block + step 0: counters, stack pointers
//   1: what the block left there last time + step 1, its stride
//   2: what another register (number 0 at first) was before the block + step 2: moves
//
// One of them is preferred, candidate 0 at first. While it is right, nothing is written but a run:
//
//   column = the streams of streams.h: masks, symbols, added, copies, step1, step2, step4, value8
//   masks, symbols = as in symbol_stream.h
//   masks, a prediction for each execution: the block before has changed no registers but those that it
//                   changed before in this chunk
//     symbol 0      : it has; the next 3 bytes of added: which, the sum of 1 << number
//   symbols, a prediction for each register that the block before has changed in this chunk, now included, by
//                   ascending number
//     symbol 0 to 2 : this candidate is the first that is right
//     symbol 3      : none is; the next byte of copies: the number of a register that had this value before
//                     the block
//     symbol 4 to 6 : nor has any register; the next 1, 2 or 4 bytes of step1, step2 or step4:
//                     zigzag(value - what the block left there last)
//     symbol 7 to 9 : likewise zigzag(value - what the register was before)
//     symbol 10     : the next 8 bytes of value8: the value
//
// Numbers are little-endian. After each value step 1 becomes value - what the block left there last time.
// Where the preferred candidate was wrong, the one that was right is preferred from now on, or after symbol 3
// candidate 2, with that register as the other one; then step 0 becomes value - what the register was before
// the block, and step 2 value - what the other register was. Steps keep the low 32 bits, sign-extended.
//
// What is learnt is kept in a table of 64 Ki places, by the low 16 bits of the block's id, all 0 where a
// chunk starts: 27 MB. Blocks that share a place share what is learnt, which costs bytes, no more; what no
// block uses of it takes no memory. A chunk starts as if a block of place 0xffff had been executed, before
// which all registers were 0.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "trace/coding/symbol_stream.h"
#include "trace/cpu_state.h"

namespace panda::trace {

inline constexpr size_t register_streams = 8;

// Of a register, after a block.
struct RegisterState {
    uint64_t last = 0;
    std::array<int32_t, 3> step{};  // by candidate
    uint8_t other = 0;              // of candidate 2
    uint8_t preferred = 0;
};

// What a block does to registers, in this chunk.
struct RegisterHabits {
    uint32_t stamp = 0;    // the chunk's
    uint32_t changes = 0;  // 1 << number
    std::array<RegisterState, block_registers> registers;
};

// What encoder and decoder have in common.
class RegisterPredictor {
  public:
    static constexpr unsigned candidates = 3;
    static constexpr unsigned none = candidates;

    RegisterPredictor();

    // A chunk begins.
    void reset();
    // Of the block that was executed last.
    RegisterHabits& habits() { return *habits_; }
    // At its begin.
    const BlockRegisters& values() const { return values_; }

    uint64_t candidate(const RegisterState& state, unsigned number, unsigned which) const {
        const uint64_t start = which == 0 ? values_[number] : which == 1 ? state.last : values_[state.other];
        return start + static_cast<uint64_t>(int64_t{state.step[which]});
    }
    // The first candidate that is right, or none.
    unsigned first_right(const RegisterState& state, unsigned number, uint64_t value) const;
    // A register that had this value before the block, or block_registers.
    unsigned holder(uint64_t value) const;
    // After the preferred candidate was right.
    static void confirm(RegisterState& state, uint64_t value) {
        state.step[1] = static_cast<int32_t>(value - state.last);
        state.last = value;
    }
    // After it was wrong. found: the candidate that was right, or none. holder: as above, where none was.
    void learn(RegisterState& state, unsigned number, uint64_t value, unsigned found, unsigned holder) const;
    // Block `id` begins with other values of these registers. changed: 1 << number; values: theirs, by
    // ascending number.
    void go_on(uint32_t id, uint32_t changed, const BlockRegisters& values);

  private:
    static constexpr size_t table_size = size_t{1} << 16;

    void enter(size_t id);

    struct Free {
        void operator()(RegisterHabits* table) const { std::free(table); }
    };
    std::unique_ptr<RegisterHabits[], Free> table_;
    RegisterHabits* habits_ = nullptr;
    uint32_t stamp_ = 0;
    BlockRegisters values_{};
};

class RegisterEncoder {
  public:
    RegisterEncoder() { predictor_.reset(); }
    // The next execution, of block `id`, begins with these.
    void append(uint32_t id, const BlockRegisters& values);
    uint32_t count() const { return count_; }
    size_t size() const;  // bytes so far
    // The column; the encoder begins anew.
    Bytes take();

  private:
    void append_value(RegisterState& state, unsigned number, uint64_t value);
    void append_literal(const RegisterState& state, unsigned number, uint64_t value);

    RegisterPredictor predictor_;
    SymbolWriter masks_;
    SymbolWriter symbols_;
    std::array<StreamWriter, register_streams> streams_;
    uint32_t count_ = 0;
};

// Every call throws Error on malformed input.
class RegisterDecoder {
  public:
    // Begins a column, which must outlive its use.
    void start(std::span<const std::byte> column);
    // The registers with which the next execution begins, of block `id`. Valid until the next call.
    const BlockRegisters& next(uint32_t id);
    // Throws Error when the column holds more.
    void check_end() const;

  private:
    uint64_t next_value(RegisterState& state, unsigned number);
    uint64_t read_literal(const RegisterState& state, unsigned number, unsigned symbol);

    RegisterPredictor predictor_;
    SymbolReader masks_{{}};
    SymbolReader symbols_{{}};
    std::vector<ByteReader> streams_;
};

}  // namespace panda::trace
