// The codings of block definitions: `definitionList` for their records, and `raw` for their code.
//
// The records are in the order of ids. "last" is the same field of the block before in the message, 0 at
// first:
//
//   varint zigzag(pc - last)                    address of the first instruction, the base of cs included
//   varint zigzag(cs_base - last)               the base of cs
//   varint flags ^ last                         QEMU's hflags: privilege, code size … (HF_* of its cpu.h)
//   varint zigzag(physical_pc - last)           guest physical address of the first byte
//   varint zigzag(physical_second_page - last)  of the second page's first byte, or 2^64 - 1 when the block
//                                               does not reach it; "last" is 2^64 - 1 at first
//   varint guest_size                           bytes of guest code
//   varint number of instructions
//   varint length of each instruction but the last, in bytes
//   byte   1 when the code is known, else 0
//
// The column `code` has the code of the blocks whose code is known, one block after another, guest_size bytes
// each. For memory operations and TCG operations see operation_codec.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/types.h"

namespace panda::trace {

// Throws Error when the definition contradicts itself or a limit.
void check_definition(const BlockDefinition& definition);

// Collects definitions of consecutive ids.
class DefinitionEncoder {
  public:
    // definition: the caller has checked it (check_definition).
    void append(const BlockDefinition& definition);
    uint32_t count() const { return count_; }
    // Bytes in all columns together.
    size_t size() const { return records_.size() + code_.size() + operations_.size() + tcg_.size(); }
    std::span<const std::byte> records() const { return records_.bytes(); }
    std::span<const std::byte> code() const { return code_.bytes(); }
    // The columns of memory operations (a followingList) and of TCG operations. Empty when no block has any.
    std::span<const std::byte> operations() const { return used(operations_, has_operations_); }
    std::span<const std::byte> tcg() const { return used(tcg_, has_tcg_); }

  private:
    static std::span<const std::byte> used(const ByteWriter& column, bool any) {
        return column.bytes().first(any ? column.size() : 0);
    }

    ByteWriter records_;
    ByteWriter code_;
    ByteWriter operations_;
    ByteWriter tcg_;
    bool has_operations_ = false;
    bool has_tcg_ = false;
    BlockDefinition last_;
    uint32_t count_ = 0;
};

// The columns of definitions. If `operations` or `tcg` is empty, no block has any of them.
struct DefinitionColumns {
    std::span<const std::byte> records;
    std::span<const std::byte> code;
    std::span<const std::byte> operations{};
    std::span<const std::byte> tcg{};
    bool following = true;  // whether `operations` is a followingList; otherwise it is an operationList
};

// Decodes `count` definitions, and calls take(definition) with each, which is valid until the next. Throws Error on
// malformed input; then the last of what was taken may be wrong.
void decode_definitions(const DefinitionColumns& columns, uint32_t count,
                        const std::function<void(const BlockDefinition&)>& take);
// The same, all at once.
std::vector<BlockDefinition> decode_definitions(const DefinitionColumns& columns, uint32_t count);

}  // namespace panda::trace
