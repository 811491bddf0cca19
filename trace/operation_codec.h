// The codings of what block definitions say beside the code.
//
// `operationList`, the memory operations of each block in order of ids:
//
//   varint number of operations, then for each
//   byte   store | conditional << 1 | derived << 2 | narrow << 3 | constant << 4 | log2(size) << 5
//   varint instruction - that of the operation before (0 at first)
//   when derived: varint its number - base, varint zigzag(delta)
//   when constant: varint constant
//
// `blobList`, the TCG operations: { varint size, bytes } for each block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/types.h"

namespace panda::trace {

// Throws Error when the operations of a block contradict themselves, each other, or a limit.
// instruction_count: the block's.
void check_operations(std::span<const MemoryOperation> operations, uint32_t instruction_count);

// operations: checked.
void put_operations(ByteWriter& out, std::span<const MemoryOperation> operations);
// Reads and checks a block's operations. Throws Error on malformed input.
std::vector<MemoryOperation> get_operations(ByteReader& in, uint32_t instruction_count);

}  // namespace panda::trace
