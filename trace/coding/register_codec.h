// The coding `registerPredictions`: the registers where each execution starts. Their numbers are 0 to 15 for
// the general ones, in the order of X86State.general, and 16 for rflags.
//
// The registers that differ from the execution before are those that the block before has changed. So the
// coder learns for each block which registers it changes, and how. Registers that the block has never
// changed in this chunk take no space. For each of the others there are three candidates:
//
//   0: the register's value before the block + step 0: counters, stack pointers
//   1: the value that the block left there last time + step 1, its stride
//   2: another register's (number 0 at first) value before the block + step 2: moves
//
// One of them is preferred, candidate 0 at first. While it is right, nothing is written but a run:
//
//   column = the streams of streams.h: masks, symbols, added, copies, step1, step2, step4, value8
//   masks, symbols = as in symbol_stream.h
//   masks has a prediction for each execution: the block before has changed only registers that it changed
//                   earlier in this chunk
//     symbol 0      : it has changed others; the next 3 bytes of added say which, as the sum of 1 << number
//   symbols has a prediction for each register that the block before has changed in this chunk, this time
//                   included, by ascending number
//     symbol 0 to 2 : this candidate is the first that is right
//     symbol 3      : no candidate is right; the next byte of copies is the number of a register that had
//                     this value before the block
//     symbol 4 to 6 : no register had it either; the next 1, 2 or 4 bytes of step1, step2 or step4 are
//                     zigzag(value - the value that the block left there last time)
//     symbol 7 to 9 : likewise, zigzag(value - the register's value before the block)
//     symbol 10     : the next 8 bytes of value8 are the value
//
// Numbers are little-endian. After each value step 1 becomes value - the value that the block left there last
// time. Where the preferred candidate was wrong, the one that was right is preferred from now on; after
// symbol 3 that is candidate 2, with that register as the other one. Then step 0 becomes value - the
// register's value before the block, and step 2 becomes value - the other register's value before the block.
// Steps keep the low 32 bits, sign-extended.
//
// What is learnt is kept in a table of 64 Ki places, which has 27 MB. A block's place is the low 16 bits of
// its id. The table is all 0 where a chunk starts. Blocks that share a place share what is learnt, which
// only costs bytes. Parts of the table that no block uses take no memory. A chunk starts as if a block of
// place 0xffff had been executed, before which all registers were 0.
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

// What is known of a register after a certain block.
struct RegisterState {
    uint64_t last = 0;              // the value that the block left there last time
    std::array<int32_t, 3> step{};  // by candidate
    uint8_t other = 0;              // the other register of candidate 2
    uint8_t preferred = 0;          // the preferred candidate
};

// What a block does to registers in this chunk.
struct RegisterHabits {
    uint32_t stamp = 0;    // the stamp of the chunk in which this was learnt
    uint32_t changes = 0;  // the registers that the block changes: 1 << number
    std::array<RegisterState, block_registers> registers;
};

// What encoder and decoder have in common.
class RegisterPredictor {
  public:
    static constexpr unsigned candidates = 3;
    static constexpr unsigned none = candidates;

    RegisterPredictor();

    // Starts a chunk.
    void reset();
    // The habits of the block that was executed last.
    RegisterHabits& habits() { return *habits_; }
    // The registers where that block started.
    const BlockRegisters& values() const { return values_; }

    uint64_t candidate(const RegisterState& state, unsigned number, unsigned which) const {
        const uint64_t start = which == 0 ? values_[number] : which == 1 ? state.last : values_[state.other];
        return start + static_cast<uint64_t>(int64_t{state.step[which]});
    }
    // The first candidate that is right, or none.
    unsigned first_right(const RegisterState& state, unsigned number, uint64_t value) const;
    // The number of a register that had this value before the block, or block_registers if no register had.
    unsigned holder(uint64_t value) const;
    // To be called after the preferred candidate was right.
    static void confirm(RegisterState& state, uint64_t value) {
        state.step[1] = static_cast<int32_t>(value - state.last);
        state.last = value;
    }
    // To be called after it was wrong. found: the candidate that was right, or none. holder: if found is
    // none, the result of holder(); otherwise block_registers.
    void learn(RegisterState& state, unsigned number, uint64_t value, unsigned found, unsigned holder) const;
    // Goes on to the start of block `id`. changed: the registers that may have other values there, 1 <<
    // number. values: these registers' values, by ascending number.
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
    // Appends the registers where the next execution starts. id: its block.
    void append(uint32_t id, const BlockRegisters& values);
    uint32_t count() const { return count_; }
    size_t size() const;  // bytes so far
    // Returns the column and starts the next one.
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
    // Starts a column, whose bytes must stay valid while they are decoded.
    void start(std::span<const std::byte> column);
    // Returns the registers where the next execution starts. id: its block. Valid until the next call.
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
