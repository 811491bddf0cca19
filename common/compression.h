// zstd, with the bounds that hostile input requires.
#pragma once

#include <cstdint>
#include <span>

#include "common/bytes.h"

namespace panda {

// One zstd frame. level: zstd's own, negative ones included (faster). Throws Error when memory runs out.
Bytes compress(std::span<const std::byte> raw, int level);

// The content of one zstd frame, which must decompress to exactly raw_size bytes. The caller checks raw_size
// against a bound first. Throws Error on damaged or mismatching input.
Bytes decompress(std::span<const std::byte> frame, uint64_t raw_size);

}  // namespace panda
