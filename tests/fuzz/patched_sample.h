// For fuzzing formats that random bytes never look like: the input is a list of changes to a good sample.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/bytes.h"

namespace panda::fuzz {

// data: the first byte says whether the rest is the content itself (even) or changes (odd). A change has 5
// bytes, an offset modulo the sample's size and a new byte; with an offset of 0xffffffff, it cuts the content
// to byte/256 of its size.
inline Bytes patched(const Bytes& sample, const uint8_t* data, size_t size) {
    if (size == 0)
        return {};
    const auto rest = std::as_bytes(std::span(data, size)).subspan(1);
    if (data[0] % 2 == 0)
        return Bytes(rest.begin(), rest.end());
    Bytes content = sample;
    for (size_t at = 0; at + 5 <= rest.size() && !content.empty(); at += 5) {
        uint32_t offset;
        std::memcpy(&offset, rest.data() + at, sizeof offset);
        if (offset == 0xffffffff)
            content.resize(content.size() * std::to_integer<size_t>(rest[at + 4]) / 256);
        else
            content[offset % content.size()] = rest[at + 4];
    }
    return content;
}

}  // namespace panda::fuzz
