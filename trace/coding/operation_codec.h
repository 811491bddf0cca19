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
// `followingList`, the same with what blocks do to followed registers:
//
//   varint number of operations, each as above, with two things more:
//          log2(size) is 7 for an operation without access; its last byte is the register that it tells
//          the number of a derived one - base is 0 for other bases than operations; then a byte follows: 0
//          for base_constant, 1 + register for a register
//   varint number of changes, then for each
//   byte   register | narrow << 4
//   varint the number of operations - base (0: as above, a byte follows), varint zigzag(delta)
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
// As much for what the block does to registers. operations: the block's; checked.
void check_changes(std::span<const RegisterChange> changes, std::span<const MemoryOperation> operations);

// block: checked. To a followingList.
void put_operations(ByteWriter& out, const BlockDefinition& block);
// Reads and checks a block's operations and changes; of an operationList if it is not `following`. block: has
// its instructions. Throws Error on malformed input.
void get_operations(ByteReader& in, bool following, BlockDefinition& block);

}  // namespace panda::trace
