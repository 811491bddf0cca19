// Streams of { run, symbol }: how often in a row a prediction was right, and what came when it was not. The
// common part of the codings of the memory columns. Internal.
//
//   stream = { byte min(run, 15) << 4 | symbol, and where run >= 15: varint run - 15 }
//
// run: predictions before the symbol's that were right. Behind the last symbol all predictions are right.
#pragma once

#include <array>
#include <cstdint>

#include "common/bytes.h"
#include "trace/coding/streams.h"

namespace panda::trace {

inline constexpr uint64_t long_symbol_run = 15;

// The stream of a column that has the symbols.
inline constexpr size_t symbol_stream = 0;

// What is written where no candidate is right: a symbol, and bytes in a stream of their own.
struct Literal {
    unsigned symbol;
    size_t stream;
    size_t bytes;
    uint64_t value;
};

class SymbolWriter {
  public:
    void hit() { ++run_; }
    // The prediction was wrong. found: the candidate that was right, if `is_found`; otherwise the literal is
    // written. Without branches, as which one it is cannot be foretold: a literal that is not wanted is of 0
    // bytes.
    template <size_t count>
    void miss(std::array<StreamWriter, count>& streams, bool is_found, unsigned found,
              const Literal& literal) {
        put(streams[symbol_stream], is_found ? found : literal.symbol);
        streams[literal.stream].put_low(literal.value, is_found ? 0 : literal.bytes);
    }
    // symbol: below 16.
    void put(StreamWriter& out, unsigned symbol) {
        if (run_ < long_symbol_run) {
            out.put_low(run_ << 4 | symbol, 1);
        } else {
            out.put_low(long_symbol_run << 4 | symbol, 1);
            out.put_varint(run_ - long_symbol_run);
        }
        run_ = 0;
    }
    // The stream ends.
    void reset() { run_ = 0; }

  private:
    uint64_t run_ = 0;
};

class SymbolReader {
  public:
    // stream: outlives the reader.
    explicit SymbolReader(std::span<const std::byte> stream) : in_(stream) { read(); }

    // How often in a row the prediction is right from here on. A loop counts these down by itself, and tells
    // what it has left.
    uint64_t run() const { return run_; }
    void set_run(uint64_t run) { run_ = run; }
    // Whether the prediction is right this time; goes on if it is. Otherwise symbol() comes next.
    bool hit() {
        if (run_ == 0)
            return false;
        --run_;
        return true;
    }
    // After the run: the symbol, which tells what to do; the next run begins. Throws Error when what follows
    // it is malformed.
    unsigned symbol() {
        const unsigned symbol = symbol_;
        ++end_;
        read();
        return symbol;
    }
    // Predictions that were gone through, right ones and wrong ones.
    uint64_t count() const { return end_ - run_; }
    // Whether no symbol is left.
    bool at_end() const { return last_run_; }

  private:
    void read() {
        last_run_ = in_.at_end();
        run_ = last_run_ ? ~uint64_t{0} : read_run();
        end_ += run_;
    }
    uint64_t read_run() {
        const auto byte = in_.get<uint8_t>();
        symbol_ = byte & 15;
        const unsigned run = byte >> 4;
        if (run < long_symbol_run)
            return run;
        const uint64_t more = in_.get_varint();
        if (more > uint64_t{1} << 62)
            throw Error("has an endless run");
        return run + more;
    }

    ByteReader in_;
    uint64_t run_ = 0;
    uint64_t end_ = 0;  // count() where the run ends; modulo 2^64, as the last one has no end
    unsigned symbol_ = 0;
    bool last_run_ = false;
};

}  // namespace panda::trace
