#include "trace/coding/streams.h"

#include <algorithm>

namespace panda::trace {

void StreamWriter::grow() {
    data_.resize(std::max<size_t>(4096, 2 * data_.size()));
}

Bytes join_streams(std::span<const std::span<const std::byte>> streams) {
    ByteWriter column;
    for (const auto& stream : streams.first(streams.size() - 1))
        column.put_varint(stream.size());
    for (const auto& stream : streams)
        column.put_bytes(stream);
    return column.take();
}

}  // namespace panda::trace
