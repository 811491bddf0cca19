#include "trace/operation_codec.h"

#include <bit>

#include "common/error.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr unsigned mark_store = 1;
constexpr unsigned mark_conditional = 2;
constexpr unsigned mark_derived = 4;
constexpr unsigned mark_narrow = 8;
constexpr unsigned mark_constant = 16;
constexpr unsigned size_shift = 5;

uint8_t marks_of(const MemoryOperation& operation) {
    unsigned marks = static_cast<unsigned>(std::countr_zero(operation.size)) << size_shift;
    marks |= operation.store ? mark_store : 0;
    marks |= operation.conditional ? mark_conditional : 0;
    marks |= operation.has_address_word() ? 0 : mark_derived;
    marks |= operation.narrow ? mark_narrow : 0;
    marks |= operation.constant_value ? mark_constant : 0;
    return static_cast<uint8_t>(marks);
}

void check_operation(std::span<const MemoryOperation> operations, size_t number) {
    const MemoryOperation& operation = operations[number];
    if (!std::has_single_bit(operation.size) || operation.size > 16)
        throw Error("a memory operation has an impossible size");
    if (operation.constant_value && (!operation.store || operation.size > 8))
        throw Error("a memory operation stores a constant that it cannot");
    if (operation.has_address_word())
        return;
    if (operation.base >= number || !operations[operation.base].has_address_word() ||
        operations[operation.base].conditional)
        throw Error("a memory operation derives its address from one that it cannot");
    if (operation.conditional)
        throw Error("a conditional memory operation has no address of its own");
    if (number + 1 < operations.size() && operations[number + 1].instruction == operation.instruction)
        throw Error("a memory operation before the last of its instruction has no address of its own");
}

}  // namespace

void check_operations(std::span<const MemoryOperation> operations, uint32_t instruction_count) {
    if (operations.size() > max_block_operations)
        throw Error("a block has more memory operations than it can");
    uint32_t instruction = 0;
    for (size_t i = 0; i < operations.size(); ++i) {
        if (operations[i].instruction < instruction || operations[i].instruction >= instruction_count)
            throw Error("a block's memory operations must ascend, and be of its instructions");
        instruction = operations[i].instruction;
        check_operation(operations, i);
    }
}

void put_operations(ByteWriter& out, std::span<const MemoryOperation> operations) {
    out.put_varint(operations.size());
    uint32_t instruction = 0;
    for (size_t i = 0; i < operations.size(); ++i) {
        const MemoryOperation& operation = operations[i];
        out.put(marks_of(operation));
        out.put_varint(operation.instruction - instruction);
        instruction = operation.instruction;
        if (!operation.has_address_word()) {
            out.put_varint(i - operation.base);
            out.put_varint(zigzag_encode(operation.delta));
        }
        if (operation.constant_value)
            out.put_varint(operation.constant);
    }
}

std::vector<MemoryOperation> get_operations(ByteReader& in, uint32_t instruction_count) {
    const uint64_t count = in.get_varint();
    if (count > max_block_operations)
        throw Error("defines a block with more memory operations than it can have");
    std::vector<MemoryOperation> operations;
    uint64_t instruction = 0;
    for (uint64_t i = 0; i < count; ++i) {
        MemoryOperation operation;
        const unsigned marks = in.get<uint8_t>();
        instruction += in.get_varint();
        if (instruction >= instruction_count)
            throw Error("defines a memory operation behind its block's end");
        operation.instruction = static_cast<uint16_t>(instruction);
        operation.size = static_cast<uint8_t>(1u << (marks >> size_shift));
        operation.store = (marks & mark_store) != 0;
        operation.conditional = (marks & mark_conditional) != 0;
        operation.narrow = (marks & mark_narrow) != 0;
        operation.constant_value = (marks & mark_constant) != 0;
        if ((marks & mark_derived) != 0) {
            const uint64_t distance = in.get_varint();
            if (distance == 0 || distance > i)
                throw Error("defines a memory operation whose base is not before it");
            operation.base = static_cast<uint16_t>(i - distance);
            operation.delta = zigzag_decode(in.get_varint());
        }
        if (operation.constant_value)
            operation.constant = in.get_varint();
        operations.push_back(operation);
    }
    check_operations(operations, instruction_count);
    return operations;
}

}  // namespace panda::trace
