#include "trace/coding/block_codec.h"

#include <algorithm>

#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr uint64_t long_run = 63;  // the largest run in a symbol byte; a varint follows it

}  // namespace

void SuccessorTable::reset(uint32_t block_count) {
    column_ += 1u << block_bits;
    if (column_ == 0) {  // otherwise old numbers would look new from here on
        std::fill(firsts_.begin(), firsts_.end(), 0);
        column_ = 1u << block_bits;
    }
    grow(block_count);
}

void SuccessorTable::grow(uint32_t block_count) {
    static_assert(max_blocks <= block_mask);
    if (firsts_.size() > block_count)
        return;
    firsts_.resize(size_t{block_count} + 1);
    others_.resize(size_t{block_count} + 1);
}

void BlockEncoder::miss(uint32_t previous, uint32_t block, uint64_t run) {
    unsigned symbol = 0;
    if (table_.second(previous) == block) {
        table_.swap(previous);
        symbol = 1;
    } else {
        symbol = table_.third(previous) == block ? 2 : 0;
        table_.shift_in(previous, block);
    }
    streams_[symbols].put_low(std::min(run, long_run) << 2 | symbol, 1);
    if (run >= long_run)
        streams_[symbols].put_varint(run - long_run);
    if (symbol == 0) {
        const int64_t id = int64_t{block} - 1;
        streams_[literals].put_varint(zigzag_encode(id - (literal_ + 1)));
        literal_ = id;
    }
}

Bytes BlockEncoder::take() {
    literal_ = -1;
    run_ = 0;
    previous_ = count_ = 0;
    table_.reset(0);
    return join_streams(streams_);
}

void BlockDecoder::start(std::span<const std::byte> column, uint64_t count, uint32_t block_count) {
    ByteReader reader(column);
    const uint64_t size = reader.get_varint();
    symbols_ = ByteReader(reader.take(size));
    literals_ = ByteReader(reader.take(reader.remaining()));
    table_.reset(block_count);
    block_count_ = block_count;
    remaining_ = count;
    previous_ = 0;
    literal_ = -1;
    next_symbol();
    if (count == 0)
        check_end();
}

void BlockDecoder::next_symbol() {
    last_run_ = symbols_.at_end();
    if (last_run_) {
        run_ = ~uint64_t{0};
        return;
    }
    const auto byte = symbols_.get<uint8_t>();
    symbol_ = byte & 3;
    run_ = byte >> 2;
    if (run_ == long_run)
        run_ += std::min(symbols_.get_varint(), ~uint64_t{0} - long_run);
}

// Returns 1 + the id of the block that follows `previous`, by the current symbol; 0 if there is none.
uint32_t BlockDecoder::next_block(uint32_t previous) {
    uint32_t block = 0;
    switch (symbol_) {
        case 0: {
            const int64_t step = zigzag_decode(literals_.get_varint());
            // Unsigned, because hostile steps may overflow; the range check below catches the result.
            const uint64_t id = static_cast<uint64_t>(literal_) + 1 + static_cast<uint64_t>(step);
            if (id >= block_count_)
                throw Error("executes a block that is not defined");
            literal_ = static_cast<int64_t>(id);
            block = static_cast<uint32_t>(id) + 1;
            table_.shift_in(previous, block);
            return block;
        }
        case 1:
            table_.swap(previous);
            return table_.first(previous);
        case 2:
            block = table_.third(previous);
            table_.shift_in(previous, block);
            return block;
        default:
            throw Error("has an invalid symbol in its blocks");
    }
}

size_t BlockDecoder::decode(std::span<uint32_t> out) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(out.size(), remaining_));
    uint32_t previous = previous_;
    for (size_t done = 0; done < wanted;) {
        // A run has a tight loop of its own, because nearly all executions are in one.
        const size_t run_end = done + static_cast<size_t>(std::min<uint64_t>(run_, wanted - done));
        run_ -= run_end - done;
        for (; done < run_end; ++done) {
            previous = table_.first(previous);
            if (previous == 0)
                throw Error("continues after a block that has no successor yet");
            out[done] = previous - 1;
        }
        if (done == wanted)
            break;
        previous = next_block(previous);
        if (previous == 0)
            throw Error("continues after a block that has no successor yet");
        out[done++] = previous - 1;
        next_symbol();
    }
    previous_ = previous;
    remaining_ -= wanted;
    if (remaining_ == 0 && wanted > 0)
        check_end();
    return wanted;
}

void BlockDecoder::check_end() const {
    if (!last_run_ || !literals_.at_end())
        throw Error("has more blocks than it says");
}

}  // namespace panda::trace
