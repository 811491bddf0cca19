// Streams of { run, symbol }: how often in a row a prediction was right, and what came when it was not. The
// common part of the codings of the memory columns. Internal.
//
//   stream = { byte run << 4 | symbol, and for run >= 15 (stored as 15) varint run - 15 }
//
// What remains after the last symbol is a run without end.
#pragma once

#include <array>
#include <cstdint>

#include "common/bytes.h"
#include "trace/streams.h"

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

    // True when the prediction is right; otherwise symbol() tells what to do.
    bool hit() {
        if (run_ == 0)
            return false;
        --run_;
        return true;
    }
    // After hit() was false: the symbol. Throws Error when what follows it is malformed.
    unsigned symbol() {
        const unsigned symbol = symbol_;
        read();
        return symbol;
    }
    // Whether no symbol is left.
    bool at_end() const { return last_run_; }

  private:
    void read() {
        last_run_ = in_.at_end();
        if (last_run_) {
            run_ = ~uint64_t{0};
            return;
        }
        const auto byte = in_.get<uint8_t>();
        symbol_ = byte & 15;
        run_ = byte >> 4;
        if (run_ == long_symbol_run) {
            const uint64_t more = in_.get_varint();
            if (more > uint64_t{1} << 62)
                throw Error("has an endless run");
            run_ += more;
        }
    }

    ByteReader in_;
    uint64_t run_ = 0;
    unsigned symbol_ = 0;
    bool last_run_ = false;
};

}  // namespace panda::trace
