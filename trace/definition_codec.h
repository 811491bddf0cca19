// The codings of block definitions: `definitionList` for their records, and their code bytes.
//
// Record of a block, in order of ids; "last" is the same field of the block before, 0 at first:
//
//   varint zigzag(pc - last), zigzag(cs_base - last), flags ^ last, zigzag(physical_pc - last),
//          zigzag(physical_second_page - last) (last is no_address at first)
//   varint guest_size, number of instructions
//   varint length of each instruction but the last
//   byte   1 when the code is known, else 0
//
// The column `code` is the blocks' code, one after another.
#pragma once

#include <cstdint>
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
    // definition: checked.
    void append(const BlockDefinition& definition);
    uint32_t count() const { return count_; }
    std::span<const std::byte> records() const { return records_.bytes(); }
    std::span<const std::byte> code() const { return code_.bytes(); }

  private:
    ByteWriter records_;
    ByteWriter code_;
    BlockDefinition last_;
    uint32_t count_ = 0;
};

// Decodes `count` definitions. Throws Error on malformed input.
std::vector<BlockDefinition> decode_definitions(std::span<const std::byte> records,
                                                std::span<const std::byte> code, uint32_t count);

}  // namespace panda::trace
