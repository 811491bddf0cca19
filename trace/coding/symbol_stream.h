// Streams of { run, symbol }: how often in a row a prediction was right, and what came when it was wrong.
// Several codings use such streams: address_codec.h, value_codec.h, register_codec.h. Internal.
//
//   stream = { byte min(run, 15) << 4 | symbol, and where run >= 15: varint run - 15 }
//
// A symbol belongs to a prediction that was wrong. run: the number of predictions before it that were right.
// After the last symbol all predictions are right.
#pragma once

#include <array>
#include <cstdint>

#include "common/bytes.h"
#include "trace/coding/streams.h"

namespace panda::trace {

inline constexpr uint64_t long_symbol_run = 15;

// The number of the stream that has the symbols, in a column of addresses or values.
inline constexpr size_t symbol_stream = 0;

// What is written where no candidate is right: a symbol, and bytes in another stream.
struct Literal {
    unsigned symbol;
    size_t stream;   // where the bytes go
    size_t bytes;    // how many
    uint64_t value;  // the bytes, as a number
};

class SymbolWriter {
  public:
    // The prediction was right.
    void hit() { ++run_; }
    // The prediction was wrong. If `is_found`, writes the candidate `found`, which was right; otherwise
    // writes the literal. There are no branches, because the processor could not predict them: a literal
    // that is not wanted is written as 0 bytes.
    template <size_t count>
    void miss(std::array<StreamWriter, count>& streams, bool is_found, unsigned found,
              const Literal& literal) {
        put(streams[symbol_stream], is_found ? found : literal.symbol);
        streams[literal.stream].put_low(literal.value, is_found ? 0 : literal.bytes);
    }
    // Writes the run before it, and a symbol. symbol: below 16.
    void put(StreamWriter& out, unsigned symbol) {
        if (run_ < long_symbol_run) {
            out.put_low(run_ << 4 | symbol, 1);
        } else {
            out.put_low(long_symbol_run << 4 | symbol, 1);
            out.put_varint(run_ - long_symbol_run);
        }
        run_ = 0;
    }
    // To be called where the stream ends: the right predictions after its last symbol are not written.
    void reset() { run_ = 0; }

  private:
    uint64_t run_ = 0;
};

class SymbolReader {
  public:
    // stream: must outlive the reader. Throws Error when it is malformed at its start.
    explicit SymbolReader(std::span<const std::byte> stream) : in_(stream) { read(); }

    // How often in a row the prediction is right from here on. A loop can count these down in a variable of
    // its own, and then set how many are left.
    uint64_t run() const { return run_; }
    void set_run(uint64_t run) { run_ = run; }
    // Whether the prediction is right this time. If it is, goes on to the next one; if not, call symbol().
    bool hit() {
        if (run_ == 0)
            return false;
        --run_;
        return true;
    }
    // To be called where the run is over. Returns the symbol and starts the next run. Throws Error when what
    // follows the symbol is malformed.
    unsigned symbol() {
        const unsigned symbol = symbol_;
        ++end_;
        read();
        return symbol;
    }
    // How many predictions were read, right and wrong ones.
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
