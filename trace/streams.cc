#include "trace/streams.h"

namespace panda::trace {

Bytes join_streams(std::span<const std::span<const std::byte>> streams) {
    ByteWriter column;
    for (const auto& stream : streams.first(streams.size() - 1))
        column.put_varint(stream.size());
    for (const auto& stream : streams)
        column.put_bytes(stream);
    return column.take();
}

}  // namespace panda::trace
