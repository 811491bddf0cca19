// Any bytes as a column, of the coding that the first byte chooses.
#include <array>
#include <cstdint>
#include <cstdlib>

#include "trace/block_codec.h"
#include "trace/cut_codec.h"
#include "trace/definition_codec.h"
#include "trace/event_codec.h"

namespace {

using namespace panda;
using namespace panda::trace;

constexpr uint32_t block_count = 1000;
constexpr uint32_t executions = 5000;

void decode_blocks(std::span<const std::byte> column) {
    BlockDecoder decoder;
    decoder.start(column, executions, block_count);
    std::vector<uint32_t> all;
    std::array<uint32_t, 300> part;
    while (const size_t got = decoder.decode(part))
        all.insert(all.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(got));
    for (const uint32_t id : all) {
        if (id >= block_count)
            std::abort();
    }
    // What decodes must encode, and come back.
    BlockEncoder encoder;
    const Bytes again = encoder.encode(all, block_count);
    decoder.start(again, executions, block_count);
    std::vector<uint32_t> back(executions);
    if (decoder.decode(back) != executions || back != all)
        std::abort();
}

void decode_events(std::span<const std::byte> column, uint64_t count) {
    EventEncoder encoder;
    std::vector<CodedEvent> all;
    for (EventDecoder decoder(column, count, executions); decoder.valid(); decoder.advance()) {
        all.push_back(decoder.event());
        encoder.append(decoder.event());
    }
    const Bytes again = encoder.take();
    size_t i = 0;
    for (EventDecoder decoder(again, count, executions); decoder.valid(); decoder.advance()) {
        if (!(decoder.event() == all[i++]))
            std::abort();
    }
}

void decode_one(uint8_t coding, std::span<const std::byte> column) {
    const uint64_t count = coding >> 2;
    switch (coding & 3) {
        case 0:
            return decode_blocks(column);
        case 1:
            return decode_events(column, count);
        case 2:
            decode_cuts(column, count, executions);
            return;
        default:
            const size_t half = column.size() / 2;
            decode_definitions({column.first(half), column.subspan(half)}, static_cast<uint32_t>(count));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0)
        return 0;
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        decode_one(data[0], bytes.subspan(1));
    } catch (const Error&) {
    }
    return 0;
}
