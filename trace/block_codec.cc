#include "trace/block_codec.h"

#include <algorithm>

namespace panda::trace {
namespace {

constexpr uint64_t long_run = 63;  // the largest value of a symbol byte's run: a varint follows

// Unsigned LEB128 at `out`, which has room; returns its end.
std::byte* put_varint(std::byte* out, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        *out++ = static_cast<std::byte>(value | 0x80);
    *out++ = static_cast<std::byte>(value);
    return out;
}

std::byte* put_symbol(std::byte* out, uint64_t run, unsigned symbol) {
    *out++ = static_cast<std::byte>(std::min(run, long_run) << 2 | symbol);
    return run < long_run ? out : put_varint(out, run - long_run);
}

// Room for the worst case, so that the encoder's loop need not look: a symbol byte and a literal of 33 bits
// for each block; a varint of up to 5 bytes for a run, but only after long_run blocks.
size_t symbol_room(size_t count) {
    return count + count / long_run * 5 + 16;
}
size_t literal_room(size_t count) {
    return count * 5;
}

void shift_in(SuccessorTable::Entry& entry, uint32_t block) {
    entry.third = entry.second;
    entry.second = entry.first;
    entry.first = block;
}

}  // namespace

void SuccessorTable::reset(uint32_t block_count) {
    if (++epoch_ == 0) {  // after 2^32 chunks, old stamps would look new
        std::fill(entries_.begin(), entries_.end(), Entry{});
        epoch_ = 1;
    }
    if (entries_.size() <= block_count)
        entries_.resize(size_t{block_count} + 1);
}

Bytes BlockEncoder::encode(std::span<const uint32_t> ids, uint32_t block_count) {
    table_.reset(block_count);
    symbols_.resize(std::max(symbols_.size(), symbol_room(ids.size())));
    literals_.resize(std::max(literals_.size(), literal_room(ids.size())));
    std::byte* symbol_end = symbols_.data();
    std::byte* literal_end = literals_.data();
    int64_t literal = -1;
    uint64_t run = 0;
    uint32_t previous = 0;
    for (const uint32_t id : ids) {
        const uint32_t block = id + 1;
        SuccessorTable::Entry& entry = table_[previous];
        previous = block;
        if (entry.first == block) {
            ++run;
            continue;
        }
        if (entry.second == block) {
            std::swap(entry.first, entry.second);
            symbol_end = put_symbol(symbol_end, run, 1);
        } else if (entry.third == block) {
            shift_in(entry, block);
            symbol_end = put_symbol(symbol_end, run, 2);
        } else {
            shift_in(entry, block);
            symbol_end = put_symbol(symbol_end, run, 0);
            literal_end = put_varint(literal_end, zigzag_encode(static_cast<int64_t>(id) - (literal + 1)));
            literal = id;
        }
        run = 0;
    }
    const auto symbols = std::span(symbols_.data(), symbol_end);
    ByteWriter column;
    column.put_varint(symbols.size());
    column.put_bytes(symbols);
    column.put_bytes(std::span(literals_.data(), literal_end));
    return column.take();
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

uint32_t BlockDecoder::next_block(SuccessorTable::Entry& entry) {
    uint32_t block = 0;
    switch (symbol_) {
        case 0: {
            const int64_t step = zigzag_decode(literals_.get_varint());
            // Unsigned, as hostile steps may overflow; the range check below catches what they lead to.
            const uint64_t id = static_cast<uint64_t>(literal_) + 1 + static_cast<uint64_t>(step);
            if (id >= block_count_)
                throw Error("executes a block that is not defined");
            literal_ = static_cast<int64_t>(id);
            block = static_cast<uint32_t>(id) + 1;
            shift_in(entry, block);
            return block;
        }
        case 1:
            std::swap(entry.first, entry.second);
            return entry.first;
        case 2:
            block = entry.third;
            shift_in(entry, block);
            return block;
        default:
            throw Error("has an invalid symbol in its blocks");
    }
}

size_t BlockDecoder::decode(std::span<uint32_t> out) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(out.size(), remaining_));
    uint32_t previous = previous_;
    for (size_t done = 0; done < wanted;) {
        // The run, as a tight loop of its own: nearly all executions are in one.
        const size_t run_end = done + static_cast<size_t>(std::min<uint64_t>(run_, wanted - done));
        run_ -= run_end - done;
        for (; done < run_end; ++done) {
            previous = table_[previous].first;
            if (previous == 0)
                throw Error("continues after a block that has no successor yet");
            out[done] = previous - 1;
        }
        if (done == wanted)
            break;
        previous = next_block(table_[previous]);
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
