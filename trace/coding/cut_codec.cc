#include "trace/coding/cut_codec.h"

#include "common/error.h"
#include "trace/limits.h"

namespace panda::trace {

Bytes encode_cuts(std::span<const Cut> cuts) {
    ByteWriter out;
    uint32_t next = 0;
    for (const Cut& cut : cuts) {
        out.put_varint(cut.position - next);
        out.put_varint(cut.executed);
        next = cut.position + 1;
    }
    return out.take();
}

std::vector<Cut> decode_cuts(std::span<const std::byte> column, uint64_t count, uint32_t block_count) {
    if (count > block_count)
        throw Error("cuts more blocks than it has");
    ByteReader in(column);
    std::vector<Cut> cuts;
    uint32_t next = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t step = in.get_varint();
        if (next >= block_count || step >= block_count - next)
            throw Error("cuts a block beyond its last one");
        const uint64_t executed = in.get_varint();
        if (executed >= max_block_instructions)
            throw Error("cuts a block after its end");
        next += static_cast<uint32_t>(step);
        cuts.push_back({next, static_cast<uint32_t>(executed)});
        ++next;
    }
    if (!in.at_end())
        throw Error("has more cuts than it says");
    return cuts;
}

}  // namespace panda::trace
