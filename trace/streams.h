// Columns of several streams. Internal.
//
//   column = { varint size of each stream but the last }, the streams one after another
//
// An empty column has empty streams.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/bytes.h"

namespace panda::trace {

Bytes join_streams(std::span<const std::span<const std::byte>> streams);

// Takes the streams out of their writers.
template <size_t count>
Bytes join_streams(std::array<ByteWriter, count>& writers) {
    std::array<std::span<const std::byte>, count> streams;
    for (size_t i = 0; i < count; ++i)
        streams[i] = writers[i].bytes();
    Bytes column = join_streams(streams);
    for (ByteWriter& writer : writers)
        writer.clear();
    return column;
}

// The streams of a column, in place. Throws Error when they do not fit it.
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

// A number's low bytes; bytes: 1 to 8.
inline void put_low(ByteWriter& out, uint64_t value, unsigned bytes) {
    out.put_bytes(std::as_bytes(std::span(&value, 1)).first(bytes));
}
inline uint64_t get_low(ByteReader& in, unsigned bytes) {
    uint64_t value = 0;
    std::memcpy(&value, in.take(bytes).data(), bytes);
    return value;
}

}  // namespace panda::trace
