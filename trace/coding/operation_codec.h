// The codings of a block's memory operations, changes of registers and TCG operations. MemoryOperation and
// RegisterChange in trace/types.h say what these mean. The column is missing from a message in which no block
// has any of them.
//
// `followingList`: for each block, in order of ids, its memory operations and its changes of registers.
//
//   varint number of operations, then for each
//     byte   store | conditional << 1 | derived << 2 | narrow << 3 | constant << 4 | size code << 5
//            size code: log2(bytes), or 7 for an operation that accesses nothing and tells a register
//     varint instruction - that of the operation before (0 at first)
//     if derived:          base (see below, counted from this operation), varint zigzag(delta)
//     if constant:         varint constant, of which the bits above the operation's size mean nothing
//     if size code is 7:   byte FollowedRegister
//   varint number of changes, then for each
//     byte   FollowedRegister | narrow << 4
//     base (counted from the number of operations), varint zigzag(delta)
//
//   base = varint n, the operation n before; or if n is 0: byte 0 for the number 0, 1 + FollowedRegister for
//          the register's value where the block starts
//
// `operationList`, in traces of version 1: the same, but without the changes, a size code of 7 or an n of 0.
//
// `blobList`, the TCG operations (trace/README.md): { varint size, bytes } for each block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/types.h"

namespace panda::trace {

// Throws Error when a block's operation contradicts itself, another one, or a limit. instruction_count: how
// many instructions the block has.
void check_operations(std::span<const MemoryOperation> operations, uint32_t instruction_count);
// Throws Error when a block's change of a register is not possible. operations: the block's, which have been
// checked.
void check_changes(std::span<const RegisterChange> changes, std::span<const MemoryOperation> operations);

// Appends a block's operations and changes to a followingList. block: must have been checked.
void put_operations(ByteWriter& out, const BlockDefinition& block);
// Reads a block's operations and changes into `block`, and checks them. in: a followingList if `following`,
// otherwise an operationList. block: must have its instructions already. Throws Error on malformed input.
void get_operations(ByteReader& in, bool following, BlockDefinition& block);

}  // namespace panda::trace
