#include "trace/streams.h"

namespace panda::trace {

Bytes join_streams(std::initializer_list<std::span<const std::byte>> streams) {
    ByteWriter column;
    for (const auto* stream = streams.begin(); stream + 1 < streams.end(); ++stream)
        column.put_varint(stream->size());
    for (const auto& stream : streams)
        column.put_bytes(stream);
    return column.take();
}

}  // namespace panda::trace
