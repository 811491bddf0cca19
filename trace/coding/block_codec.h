// The coding `successors`: the sequence of executed blocks, against each block's three most recent
// successors.
//
// Most blocks are followed by what followed them last time. The coder keeps the three latest successors of
// each block, the most recent one first, and writes something only where the first one is wrong:
//
//   column   = the streams of streams.h: symbols, literals
//   symbols  = { byte min(run, 63) << 2 | symbol, and where run >= 63: varint run - 63 }
//   literals = { varint zigzag(id - (the literal before + 1)) }, the one before the first being -1
//
//   run     : executions before this one that were the first successor of the one before them
//   symbol 0: this execution is not one of the three; its block's id is the next of literals
//   symbol 1: it is the second successor; the first one becomes the second
//   symbol 2: it is the third successor; the first becomes the second, the second the third
//
// After each symbol the executed block is the first successor of the one before it. After symbol 0 the others
// move on as after symbol 2, and the third is forgotten. A new block often has the id after the last new
// block's, hence the literals' form. The chunk's executions after the last symbol are a run. A virtual block
// stands before the first execution, and no block has successors where a column starts.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/coding/streams.h"

namespace panda::trace {

// The successor lists of a coder. Encoder and decoder run through the same states. A block is its id + 1. As
// a successor, 0 stands for no block; as an entry, 0 is the virtual block before the first execution.
//
// Going from block to block is a chain of loads that the processor cannot predict, so what each step needs is
// kept dense, in 4 bytes an entry: the first successor, and in the bits above it the number of the column in
// which it was stored. So the table need not be cleared for each column.
class SuccessorTable {
  public:
    // Forgets everything. block_count: ids below it may occur. Costs time only for new blocks, and every 31st
    // time for all blocks.
    void reset(uint32_t block_count);
    // From now on ids below this may occur too. block_count: at most max_blocks.
    void grow(uint32_t block_count);

    // Whether the block is the entry's most recent successor.
    bool is_first(uint32_t entry, uint32_t block) const { return firsts_[entry] == (column_ | block); }
    // The entry's most recent successor, and those before it.
    uint32_t first(uint32_t entry) const {
        const uint32_t block = firsts_[entry] ^ column_;
        return block <= block_mask ? block : 0;
    }
    uint32_t second(uint32_t entry) const { return first(entry) == 0 ? 0 : others_[entry].second; }
    uint32_t third(uint32_t entry) const { return first(entry) == 0 ? 0 : others_[entry].third; }
    // Makes the second one the first.
    void swap(uint32_t entry) {
        const uint32_t block = second(entry);
        others_[entry].second = first(entry);
        firsts_[entry] = column_ | block;
    }
    // Makes another block the first.
    void shift_in(uint32_t entry, uint32_t block) {
        others_[entry] = {first(entry), second(entry)};
        firsts_[entry] = column_ | block;
    }

  private:
    static constexpr unsigned block_bits = 27;  // max_blocks ids + 1
    static constexpr uint32_t block_mask = (1u << block_bits) - 1;
    struct Others {
        uint32_t second = 0;
        uint32_t third = 0;
    };
    std::vector<uint32_t> firsts_;
    std::vector<Others> others_;  // valid where there is a first
    uint32_t column_ = 0;         // its number << block_bits; never 0 after reset()
};

// Encodes chunks, one after another. About 2 ns a block.
class BlockEncoder {
  public:
    BlockEncoder() { table_.reset(0); }
    // Ids below this may be appended from now on; never fewer than before.
    void define(uint32_t block_count) { table_.grow(block_count); }
    // Appends the next executions of the chunk.
    void append(std::span<const uint32_t> ids) {
        uint32_t previous = previous_;
        uint64_t run = run_;
        for (const uint32_t id : ids) {
            const uint32_t block = id + 1;
            if (table_.is_first(previous, block)) [[likely]] {
                ++run;
            } else {
                miss(previous, block, run);
                run = 0;
            }
            previous = block;
        }
        previous_ = previous;
        run_ = run;
        count_ += static_cast<uint32_t>(ids.size());
    }
    // Executions so far.
    uint32_t count() const { return count_; }
    // Returns the column and starts the next one.
    Bytes take();
    // Returns the column of a whole chunk. The encoder must have just been made, or have just returned a
    // column.
    Bytes encode(std::span<const uint32_t> ids, uint32_t block_count) {
        define(block_count);
        append(ids);
        return take();
    }

  private:
    // Writes the block that comes after `run` executions that were predicted right.
    void miss(uint32_t previous, uint32_t block, uint64_t run);

    SuccessorTable table_;
    enum Stream { symbols, literals };
    std::array<StreamWriter, 2> streams_;
    int64_t literal_ = -1;
    uint64_t run_ = 0;
    uint32_t previous_ = 0;
    uint32_t count_ = 0;
};

// Decodes one column at a time, in pieces. Every call throws Error on malformed input.
class BlockDecoder {
  public:
    // column: must outlive the decoder's use. count: executions in it. block_count: ids below it may occur.
    void start(std::span<const std::byte> column, uint64_t count, uint32_t block_count);
    // Fills the beginning of `out` with the next ids; returns how many: 0 at the end, out.size() before it.
    // At the end it also checks that the column held nothing more.
    size_t decode(std::span<uint32_t> out);

  private:
    void next_symbol();
    uint32_t next_block(uint32_t previous);
    void check_end() const;

    SuccessorTable table_;
    ByteReader symbols_{{}};
    ByteReader literals_{{}};
    uint64_t remaining_ = 0;  // executions not decoded yet
    uint64_t run_ = 0;        // how many of them come before the next symbol
    unsigned symbol_ = 0;     // the symbol after the run
    bool last_run_ = false;   // no symbol follows: the run takes the rest
    uint32_t block_count_ = 0;
    uint32_t previous_ = 0;  // id + 1
    int64_t literal_ = -1;
};

}  // namespace panda::trace
