#include "trace/coding/definition_codec.h"

#include "common/error.h"
#include "trace/coding/operation_codec.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

uint64_t difference(uint64_t value, uint64_t last) {
    return zigzag_encode(static_cast<int64_t>(value - last));
}

// Reads what comes next in a record: the sizes and the instructions' boundaries. Returns whether the code is
// known.
bool read_shape(ByteReader& in, BlockDefinition& block) {
    const uint64_t size = in.get_varint();
    const uint64_t instructions = in.get_varint();
    if (size == 0 || size > max_block_bytes || instructions == 0 || instructions > max_block_instructions)
        throw Error("defines a block of an impossible size");
    block.guest_size = static_cast<uint32_t>(size);
    block.instruction_offsets.resize(instructions);
    uint64_t offset = 0;
    for (size_t i = 1; i < instructions; ++i) {
        const uint64_t length = in.get_varint();
        if (length == 0 || length >= size - offset)
            throw Error("defines a block whose instructions do not fit it");
        offset += length;
        block.instruction_offsets[i] = static_cast<uint16_t>(offset);
    }
    const auto known = in.get<uint8_t>();
    if (known > 1)
        throw Error("defines a block with an invalid mark");
    return known == 1;
}

void read_tcg(ByteReader& in, Bytes& tcg) {
    const uint64_t size = in.get_varint();
    if (size > max_block_tcg)
        throw Error("defines a block with more TCG operations than it can have");
    const auto bytes = in.take(size);
    tcg.assign(bytes.begin(), bytes.end());
}

// Keeps their memory, which pays for a hundred thousand blocks.
void clear_lists(BlockDefinition& block) {
    block.instruction_offsets.clear();
    block.code.clear();
    block.operations.clear();
    block.changes.clear();
    block.tcg.clear();
}

}  // namespace

void check_definition(const BlockDefinition& definition) {
    const auto& offsets = definition.instruction_offsets;
    if (definition.guest_size == 0 || definition.guest_size > max_block_bytes)
        throw Error("a block of " + std::to_string(definition.guest_size) + " bytes is impossible");
    if (offsets.empty() || offsets.size() > max_block_instructions || offsets[0] != 0)
        throw Error("a block needs instructions, and the first one must be at its beginning");
    for (size_t i = 1; i < offsets.size(); ++i) {
        if (offsets[i] <= offsets[i - 1])
            throw Error("a block's instructions must ascend");
    }
    if (offsets.back() >= definition.guest_size)
        throw Error("a block's instructions must be inside the block");
    if (!definition.code.empty() && definition.code.size() != definition.guest_size)
        throw Error("a block's code must be as long as the block");
    if (definition.tcg.size() > max_block_tcg)
        throw Error("a block cannot have so many TCG operations");
    check_operations(definition.operations, definition.instruction_count());
    check_changes(definition.changes, definition.operations);
}

void DefinitionEncoder::append(const BlockDefinition& block) {
    records_.put_varint(difference(block.pc, last_.pc));
    records_.put_varint(difference(block.cs_base, last_.cs_base));
    records_.put_varint(block.flags ^ last_.flags);
    records_.put_varint(difference(block.physical_pc, last_.physical_pc));
    records_.put_varint(difference(block.physical_second_page, last_.physical_second_page));
    records_.put_varint(block.guest_size);
    records_.put_varint(block.instruction_offsets.size());
    for (size_t i = 1; i < block.instruction_offsets.size(); ++i)
        records_.put_varint(
            static_cast<uint64_t>(block.instruction_offsets[i] - block.instruction_offsets[i - 1]));
    records_.put(static_cast<uint8_t>(block.code.empty() ? 0 : 1));
    code_.put_bytes(block.code);
    put_operations(operations_, block);
    has_operations_ = has_operations_ || !block.operations.empty() || !block.changes.empty();
    tcg_.put_varint(block.tcg.size());
    tcg_.put_bytes(block.tcg);
    has_tcg_ = has_tcg_ || !block.tcg.empty();
    last_.pc = block.pc;
    last_.cs_base = block.cs_base;
    last_.flags = block.flags;
    last_.physical_pc = block.physical_pc;
    last_.physical_second_page = block.physical_second_page;
    ++count_;
}

void decode_definitions(const DefinitionColumns& columns, uint32_t count,
                        const std::function<void(const BlockDefinition&)>& take) {
    ByteReader in(columns.records);
    ByteReader code_in(columns.code);
    ByteReader operations_in(columns.operations);
    ByteReader tcg_in(columns.tcg);
    BlockDefinition block;  // the members that are not set anew are those of the one before it
    const auto next = [&in](uint64_t previous) {
        return previous + static_cast<uint64_t>(zigzag_decode(in.get_varint()));
    };
    for (uint32_t i = 0; i < count; ++i) {
        clear_lists(block);
        block.pc = next(block.pc);
        block.cs_base = next(block.cs_base);
        block.flags ^= in.get_varint();
        block.physical_pc = next(block.physical_pc);
        block.physical_second_page = next(block.physical_second_page);
        if (read_shape(in, block)) {
            const auto bytes = code_in.take(block.guest_size);
            block.code.assign(bytes.begin(), bytes.end());
        }
        if (!columns.operations.empty())
            get_operations(operations_in, columns.following, block);
        if (!columns.tcg.empty())
            read_tcg(tcg_in, block.tcg);
        take(block);
    }
    if (!in.at_end() || !code_in.at_end() || !operations_in.at_end() || !tcg_in.at_end())
        throw Error("has more definitions than it says");
}

std::vector<BlockDefinition> decode_definitions(const DefinitionColumns& columns, uint32_t count) {
    std::vector<BlockDefinition> blocks;
    blocks.reserve(count);
    decode_definitions(columns, count, [&](const BlockDefinition& block) { blocks.push_back(block); });
    return blocks;
}

}  // namespace panda::trace
