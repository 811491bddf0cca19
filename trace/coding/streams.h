// Columns that consist of several streams. Internal.
//
//   column = { varint size of each stream but the last, in bytes }, the streams one after another
//
// In a column that is empty or missing, all streams are empty.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/bytes.h"

namespace panda::trace {

// Makes a column of streams.
Bytes join_streams(std::span<const std::span<const std::byte>> streams);

// A stream that numbers are appended to. It is used where the time for this matters.
class StreamWriter {
  public:
    // Appends the low bytes of a number. bytes: how many, 0 to 8.
    void put_low(uint64_t value, size_t bytes) {
        if (data_.size() - size_ < sizeof(value))
            grow();
        std::memcpy(data_.data() + size_, &value, sizeof(value));
        size_ += bytes;
    }
    void put_varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            put_low(value | 0x80, 1);
        put_low(value, 1);
    }
    size_t size() const { return size_; }
    std::span<const std::byte> bytes() const { return {data_.data(), size_}; }
    // Empties the stream, but keeps its memory.
    void clear() { size_ = 0; }

  private:
    void grow();

    Bytes data_;       // the stream, and room behind it
    size_t size_ = 0;  // of the stream
};

// How many bytes the streams have together.
template <size_t count>
size_t total_size(const std::array<StreamWriter, count>& writers) {
    size_t size = 0;
    for (const StreamWriter& writer : writers)
        size += writer.size();
    return size;
}

// Makes a column of the writers' streams, and empties the writers.
template <size_t count>
Bytes join_streams(std::array<StreamWriter, count>& writers) {
    std::array<std::span<const std::byte>, count> streams;
    for (size_t i = 0; i < count; ++i)
        streams[i] = writers[i].bytes();
    Bytes column = join_streams(streams);
    for (StreamWriter& writer : writers)
        writer.clear();
    return column;
}

// Returns the streams of a column, as parts of its bytes. Throws Error when the column is too short for them.
template <size_t count>
std::array<std::span<const std::byte>, count> split_streams(std::span<const std::byte> column) {
    if (column.empty())
        return {};
    ByteReader in(column);
    std::array<uint64_t, count> sizes{};
    for (size_t i = 0; i + 1 < count; ++i)
        sizes[i] = in.get_varint();
    std::array<std::span<const std::byte>, count> streams;
    for (size_t i = 0; i < count; ++i)
        streams[i] = in.take(i + 1 < count ? sizes[i] : in.remaining());
    return streams;
}

// Whether nothing is left in any of the streams.
inline bool at_end(std::span<const ByteReader> streams) {
    bool all = true;
    for (const ByteReader& stream : streams)
        all = all && stream.at_end();
    return all;
}

// Reads the low bytes of a number, and returns it. bytes: how many, 1 to 8. Throws Error when fewer are left.
inline uint64_t get_low(ByteReader& in, unsigned bytes) {
    uint64_t value = 0;
    if (in.remaining() >= sizeof(value)) [[likely]] {  // a load instead of a call
        std::memcpy(&value, in.take(bytes).data(), sizeof(value));
        return value & (~uint64_t{0} >> (64 - 8 * bytes));
    }
    std::memcpy(&value, in.take(bytes).data(), bytes);
    return value;
}

}  // namespace panda::trace
