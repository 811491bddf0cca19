// Columns of several streams. Internal.
//
//   column = { varint size of each stream but the last }, the streams one after another
//
// An empty column has empty streams.
#pragma once

#include <array>
#include <initializer_list>
#include <span>

#include "common/bytes.h"

namespace panda::trace {

Bytes join_streams(std::initializer_list<std::span<const std::byte>> streams);

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

}  // namespace panda::trace
