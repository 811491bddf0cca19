// The codings of what block definitions say beside the code; MemoryOperation and RegisterChange of
// trace/types.h say what it means. A message in which no block has any lacks the column.
//
// `followingList`: of each block, in order of ids, the memory operations and the changes of registers.
//
//   varint number of operations, then for each
//     byte   store | conditional << 1 | derived << 2 | narrow << 3 | constant << 4 | size code << 5
//            size code: log2(bytes), or 7 for an operation that accesses nothing and tells a register
//     varint instruction - that of the operation before (0 at first)
//     if derived:          base (see below, counted from this operation), varint zigzag(delta)
//     if constant:         varint constant; bits above the operation's size mean nothing
//     if size code is 7:   byte FollowedRegister
//   varint number of changes, then for each
//     byte   FollowedRegister | narrow << 4
//     base (counted from the number of operations), varint zigzag(delta)
//
//   base = varint n, the operation n before; or if n is 0: byte 0 for the number 0, 1 + FollowedRegister for
//          the register's value where the block starts
//
// `operationList`, of version 1: the same without changes, and without a size code of 7 or an n of 0.
//
// `blobList`, the TCG operations (trace/README.md): { varint size, bytes } for each block.
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
