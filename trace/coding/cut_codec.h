// The coding `cutList`: block executions that stopped early, because of a fault in the middle.
//
//   column = { varint position - (the position of the cut before + 1), the one before the first being -1
//              varint instructions executed, fewer than the block has }
//
// position: the execution's number in the chunk, from 0 on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"

namespace panda::trace {

struct Cut {
    uint32_t position = 0;
    uint32_t executed = 0;  // instructions, fewer than the block has

    bool operator==(const Cut&) const = default;
};

// Returns the column. cuts: by ascending position.
Bytes encode_cuts(std::span<const Cut> cuts);

// Decodes `count` cuts. block_count: how many executions the chunk has. Throws Error on malformed input.
std::vector<Cut> decode_cuts(std::span<const std::byte> column, uint64_t count, uint32_t block_count);

}  // namespace panda::trace
