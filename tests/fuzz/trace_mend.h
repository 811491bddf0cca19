// Makes the checksums of messages and columns in an input right, because otherwise a fuzzer would never get
// past them.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "common/checksum.h"
#include "common/error.h"
#include "trace/format/message.h"

namespace panda::trace_fuzz {

// The message's own checksum.
inline void mend_message(std::span<std::byte> message) {
    using namespace panda::trace;
    uint64_t checked;
    std::memcpy(&checked, message.data() + checksum_offset + 8, sizeof(checked));
    if (checked < 24 || checked > message.size()) {
        checked = message.size();
        std::memcpy(message.data() + checksum_offset + 8, &checked, sizeof(checked));
    }
    const uint64_t sum = message_checksum(message, checked);
    std::memcpy(message.data() + checksum_offset, &sum, sizeof(sum));
}

inline std::vector<trace::ColumnView> columns_of(trace::schema::Message::Reader message) {
    if (message.isChunk())
        return trace::read_columns(message.getChunk().getColumns());
    if (message.isDefinitions())
        return trace::read_columns(message.getDefinitions().getColumns());
    if (message.isPages())
        return trace::read_columns(message.getPages().getContent());
    return {};
}

// The checksums of its columns. The words that hold them are found by their values.
inline void mend_columns(std::span<std::byte> message) {
    const trace::MessageView view({message, 0, nullptr}, "");
    for (const trace::ColumnView& column : view.parse(columns_of)) {
        const uint64_t right = checksum(column.data);
        if (right == column.checksum)
            continue;
        for (size_t offset = trace::frame_header_bytes; offset + 8 <= message.size(); offset += 8) {
            if (std::memcmp(message.data() + offset, &column.checksum, 8) != 0)
                continue;
            std::memcpy(message.data() + offset, &right, 8);
            break;
        }
    }
}

inline void mend(Bytes& input) {
    using namespace panda::trace;
    for (size_t offset = 0; input.size() - offset >= checksum_offset + 24;) {
        uint32_t words;
        std::memcpy(&words, input.data() + offset + 4, sizeof(words));
        const uint64_t size = frame_header_bytes + uint64_t{words} * 8;
        if (size > input.size() - offset || size < checksum_offset + 24)
            return;
        const auto message = std::span(input).subspan(offset, size);
        mend_message(message);
        try {
            mend_columns(message);
        } catch (const Error&) {
        }
        mend_message(message);
        offset += size;
    }
}

}  // namespace panda::trace_fuzz
