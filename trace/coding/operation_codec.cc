#include "trace/coding/operation_codec.h"

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
constexpr unsigned no_access = 7;  // in place of log2(size)

constexpr unsigned change_narrow = 16;  // a bit above the register's number

constexpr uint16_t first_register = base_register(FollowedRegister{});

bool is_operation(uint16_t base) {
    return base < first_register;
}

// The code of a base that is not an operation: 0 for base_constant, else 1 + the number of the register.
uint8_t base_code(uint16_t base) {
    return base == base_constant ? 0 : static_cast<uint8_t>(1 + base - first_register);
}

uint8_t marks_of(const MemoryOperation& operation) {
    const unsigned size =
        operation.is_access() ? static_cast<unsigned>(std::countr_zero(operation.size)) : no_access;
    unsigned marks = size << size_shift;
    marks |= operation.store ? mark_store : 0;
    marks |= operation.conditional ? mark_conditional : 0;
    marks |= operation.has_address_word() ? 0 : mark_derived;
    marks |= operation.narrow ? mark_narrow : 0;
    marks |= operation.constant_value ? mark_constant : 0;
    return static_cast<uint8_t>(marks);
}

// Whether operation `number` can be counted from this base.
bool is_base(std::span<const MemoryOperation> operations, size_t number, uint16_t base) {
    if (is_operation(base))
        return base < number && operations[base].has_address_word() && !operations[base].conditional;
    return base == base_constant || base - first_register < static_cast<int>(followed_registers);
}

void check_access(const MemoryOperation& operation) {
    if (!std::has_single_bit(operation.size) || operation.size > 16)
        throw Error("a memory operation has an impossible size");
    if (operation.constant_value && (!operation.store || operation.size > 8))
        throw Error("a memory operation cannot store this constant");
}

void check_operation(std::span<const MemoryOperation> operations, size_t number) {
    const MemoryOperation& operation = operations[number];
    if (operation.is_access())
        check_access(operation);
    else if (static_cast<unsigned>(operation.told) >= followed_registers || operation.store ||
             operation.conditional || operation.constant_value || !operation.has_address_word())
        throw Error("an operation of size 0 does not give the value of a register");
    if (operation.has_address_word())
        return;
    if (!is_base(operations, number, operation.base))
        throw Error("a memory operation cannot derive its address from this base");
    if (operation.conditional)
        throw Error("a conditional memory operation has no address of its own");
    if (number + 1 < operations.size() && operations[number + 1].instruction == operation.instruction &&
        operations[number + 1].is_access())
        throw Error("a memory operation before the last of its instruction has no address of its own");
}

// count: how many operations stand before.
void put_base(ByteWriter& out, uint16_t base, size_t count) {
    out.put_varint(is_operation(base) ? count - base : 0);
    if (!is_operation(base))
        out.put(base_code(base));
}

uint16_t get_base(ByteReader& in, bool following, size_t count) {
    const uint64_t distance = in.get_varint();
    if (distance > count || (distance == 0 && !following))
        throw Error("defines a memory operation whose base is not before it");
    if (distance != 0)
        return static_cast<uint16_t>(count - distance);
    const auto code = in.get<uint8_t>();
    if (code > followed_registers)
        throw Error("defines a memory operation whose base is not before it");
    return code == 0 ? base_constant : static_cast<uint16_t>(first_register + code - 1);
}

FollowedRegister get_register(unsigned number) {
    if (number >= followed_registers)
        throw Error("defines a block that follows an unknown register");
    return static_cast<FollowedRegister>(number);
}

void get_changes(ByteReader& in, BlockDefinition& block) {
    const uint64_t count = in.get_varint();
    if (count > followed_registers)
        throw Error("defines a block that changes more registers than are followed");
    for (uint64_t i = 0; i < count; ++i) {
        RegisterChange& change = block.changes.emplace_back();
        const unsigned marks = in.get<uint8_t>();
        change.which = get_register(marks & ~change_narrow);
        change.narrow = (marks & change_narrow) != 0;
        change.base = get_base(in, true, block.operations.size());
        change.delta = zigzag_decode(in.get_varint());
    }
}

MemoryOperation get_operation(ByteReader& in, bool following, size_t number, uint64_t& instruction) {
    MemoryOperation operation;
    const unsigned marks = in.get<uint8_t>();
    instruction += in.get_varint();
    if (instruction > UINT16_MAX)
        throw Error("defines a memory operation behind its block's end");
    operation.instruction = static_cast<uint16_t>(instruction);
    const unsigned size = marks >> size_shift;
    operation.size = following && size == no_access ? uint8_t{0} : static_cast<uint8_t>(1u << size);
    operation.store = (marks & mark_store) != 0;
    operation.conditional = (marks & mark_conditional) != 0;
    operation.narrow = (marks & mark_narrow) != 0;
    operation.constant_value = (marks & mark_constant) != 0;
    if ((marks & mark_derived) != 0) {
        operation.base = get_base(in, following, number);
        operation.delta = zigzag_decode(in.get_varint());
    }
    if (operation.constant_value)
        operation.constant = in.get_varint();
    if (!operation.is_access())
        operation.told = get_register(in.get<uint8_t>());
    return operation;
}

}  // namespace

void check_operations(std::span<const MemoryOperation> operations, uint32_t instruction_count) {
    if (operations.size() > max_block_operations)
        throw Error("a block cannot have so many memory operations");
    uint32_t instruction = 0;
    for (size_t i = 0; i < operations.size(); ++i) {
        if (operations[i].instruction < instruction || operations[i].instruction >= instruction_count)
            throw Error("a block's memory operations must ascend, and be of its instructions");
        instruction = operations[i].instruction;
        check_operation(operations, i);
    }
}

void check_changes(std::span<const RegisterChange> changes, std::span<const MemoryOperation> operations) {
    unsigned changed = 0;
    for (const RegisterChange& change : changes) {
        const auto number = static_cast<unsigned>(change.which);
        if (number >= followed_registers || (changed >> number & 1) != 0)
            throw Error("a block changes a register twice, or one that is not followed");
        changed |= 1u << number;
        if (!is_base(operations, operations.size(), change.base))
            throw Error("a block cannot count a register from this base");
    }
}

void put_operations(ByteWriter& out, const BlockDefinition& block) {
    const auto& operations = block.operations;
    out.put_varint(operations.size());
    uint32_t instruction = 0;
    for (size_t i = 0; i < operations.size(); ++i) {
        const MemoryOperation& operation = operations[i];
        out.put(marks_of(operation));
        out.put_varint(operation.instruction - instruction);
        instruction = operation.instruction;
        if (!operation.has_address_word()) {
            put_base(out, operation.base, i);
            out.put_varint(zigzag_encode(operation.delta));
        }
        if (operation.constant_value)
            out.put_varint(operation.constant);
        if (!operation.is_access())
            out.put(static_cast<uint8_t>(operation.told));
    }
    out.put_varint(block.changes.size());
    for (const RegisterChange& change : block.changes) {
        out.put(
            static_cast<uint8_t>(static_cast<unsigned>(change.which) | (change.narrow ? change_narrow : 0)));
        put_base(out, change.base, operations.size());
        out.put_varint(zigzag_encode(change.delta));
    }
}

void get_operations(ByteReader& in, bool following, BlockDefinition& block) {
    const uint64_t count = in.get_varint();
    if (count > max_block_operations)
        throw Error("defines a block with more memory operations than it can have");
    uint64_t instruction = 0;
    for (uint64_t i = 0; i < count; ++i)
        block.operations.push_back(get_operation(in, following, i, instruction));
    check_operations(block.operations, block.instruction_count());
    if (following)
        get_changes(in, block);
    check_changes(block.changes, block.operations);
}

}  // namespace panda::trace
