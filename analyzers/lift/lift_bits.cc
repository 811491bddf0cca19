// Shifts, fields of bits, extensions and byte orders of scalars.
#include "analyzers/lift/block_builder.h"

namespace panda::lift {

using tcg::Opcode;

namespace {

// Shift counts of the width and more are undefined in TCG, and poison in LLVM.
llvm::Value* count(BlockBuilder& b, llvm::Value* value) {
    return b.ir().CreateAnd(value, value->getType()->getIntegerBitWidth() - 1);
}

llvm::Value* extended(BlockBuilder& b, llvm::Value* value, unsigned bits, bool is_signed) {
    llvm::Value* part = b.ir().CreateTrunc(value, b.integer(bits));
    return is_signed ? b.ir().CreateSExt(part, value->getType()) : b.ir().CreateZExt(part, value->getType());
}

llvm::Value* rotated(BlockBuilder& b, llvm::Value* value, llvm::Value* by, bool left) {
    const auto intrinsic = left ? llvm::Intrinsic::fshl : llvm::Intrinsic::fshr;
    return b.ir().CreateIntrinsic(intrinsic, {value->getType()}, {value, value, by});
}

// The lowest `bits` of a byte-swapped value, with zeros or signs above.
llvm::Value* swapped(BlockBuilder& b, const tcg::Operation& operation, unsigned bits) {
    llvm::Value* value = b.input(operation, 0);
    llvm::Value* part = b.ir().CreateTrunc(value, b.integer(bits));
    part = b.ir().CreateUnaryIntrinsic(llvm::Intrinsic::bswap, part);
    const bool is_signed = (b.block().constants_of(operation)[0] & tcg::bswap_output_signed) != 0;
    return is_signed ? b.ir().CreateSExt(part, value->getType()) : b.ir().CreateZExt(part, value->getType());
}

llvm::Value* deposited(BlockBuilder& b, const tcg::Operation& operation) {
    auto& ir = b.ir();
    const auto constants = b.block().constants_of(operation);
    const auto start = static_cast<unsigned>(constants[0]);
    const auto length = static_cast<unsigned>(constants[1]);
    const unsigned width = tcg::width(operation.type);
    const llvm::APInt mask = llvm::APInt::getBitsSet(width, start, start + length);
    llvm::Value* field = ir.CreateAnd(ir.CreateShl(b.input(operation, 1), start), mask);
    return ir.CreateOr(ir.CreateAnd(b.input(operation, 0), ~mask), field);
}

llvm::Value* extracted(BlockBuilder& b, const tcg::Operation& operation, bool is_signed) {
    auto& ir = b.ir();
    const auto constants = b.block().constants_of(operation);
    const auto start = static_cast<unsigned>(constants[0]);
    const auto length = static_cast<unsigned>(constants[1]);
    const unsigned width = tcg::width(operation.type);
    llvm::Value* high = ir.CreateShl(b.input(operation, 0), width - start - length);
    return is_signed ? ir.CreateAShr(high, width - length) : ir.CreateLShr(high, width - length);
}

// The width's bits from `start` on, of the pair (second input, first input).
llvm::Value* extracted_pair(BlockBuilder& b, const tcg::Operation& operation) {
    const auto start = static_cast<uint64_t>(b.block().constants_of(operation)[0]);
    llvm::Value* low = b.input(operation, 0);
    llvm::Value* high = b.input(operation, 1);
    if (start == tcg::width(operation.type))
        return high;
    return b.ir().CreateIntrinsic(llvm::Intrinsic::fshr, {low->getType()},
                                  {high, low, llvm::ConstantInt::get(low->getType(), start)});
}

// clz and ctz: the second input is the result for 0.
llvm::Value* zeros(BlockBuilder& b, const tcg::Operation& operation) {
    auto& ir = b.ir();
    const auto intrinsic = operation.opcode == Opcode::clz ? llvm::Intrinsic::ctlz : llvm::Intrinsic::cttz;
    llvm::Value* value = b.input(operation, 0);
    llvm::Value* number = ir.CreateIntrinsic(intrinsic, {value->getType()}, {value, ir.getFalse()});
    llvm::Value* empty = ir.CreateICmpEQ(value, llvm::Constant::getNullValue(value->getType()));
    return ir.CreateSelect(empty, b.input(operation, 1), number);
}

// One input and no constant; or null.
llvm::Value* changed_width(BlockBuilder& b, const tcg::Operation& operation) {
    auto& ir = b.ir();
    switch (operation.opcode) {
        case Opcode::ext8s:
            return extended(b, b.input(operation, 0), 8, true);
        case Opcode::ext8u:
            return extended(b, b.input(operation, 0), 8, false);
        case Opcode::ext16s:
            return extended(b, b.input(operation, 0), 16, true);
        case Opcode::ext16u:
            return extended(b, b.input(operation, 0), 16, false);
        case Opcode::ext32s:
            return extended(b, b.input(operation, 0), 32, true);
        case Opcode::ext32u:
            return extended(b, b.input(operation, 0), 32, false);
        case Opcode::ext_i32_i64:
            return ir.CreateSExt(b.input(operation, 0), ir.getInt64Ty());
        case Opcode::extu_i32_i64:
            return ir.CreateZExt(b.input(operation, 0), ir.getInt64Ty());
        case Opcode::extrl_i64_i32:
            return ir.CreateTrunc(b.input(operation, 0), ir.getInt32Ty());
        case Opcode::extrh_i64_i32:
            return ir.CreateTrunc(ir.CreateLShr(b.input(operation, 0), 32), ir.getInt32Ty());
        default:
            return nullptr;
    }
}

llvm::Value* shifted(BlockBuilder& b, const tcg::Operation& operation) {
    auto& ir = b.ir();
    switch (operation.opcode) {
        case Opcode::shl:
            return ir.CreateShl(b.input(operation, 0), count(b, b.input(operation, 1)));
        case Opcode::shr:
            return ir.CreateLShr(b.input(operation, 0), count(b, b.input(operation, 1)));
        case Opcode::sar:
            return ir.CreateAShr(b.input(operation, 0), count(b, b.input(operation, 1)));
        case Opcode::rotl:
        case Opcode::rotr:
            return rotated(b, b.input(operation, 0), b.input(operation, 1), operation.opcode == Opcode::rotl);
        default:
            return nullptr;
    }
}

llvm::Value* rearranged(BlockBuilder& b, const tcg::Operation& operation) {
    switch (operation.opcode) {
        case Opcode::deposit:
            return deposited(b, operation);
        case Opcode::extract:
            return extracted(b, operation, false);
        case Opcode::sextract:
            return extracted(b, operation, true);
        case Opcode::extract2:
            return extracted_pair(b, operation);
        case Opcode::clz:
        case Opcode::ctz:
            return zeros(b, operation);
        case Opcode::ctpop:
            return b.ir().CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, b.input(operation, 0));
        case Opcode::bswap16:
            return swapped(b, operation, 16);
        case Opcode::bswap32:
            return swapped(b, operation, 32);
        case Opcode::bswap64:
            return swapped(b, operation, 64);
        default:
            return nullptr;
    }
}

}  // namespace

bool lift_bits(BlockBuilder& b, const tcg::Operation& operation) {
    for (const auto rule : {changed_width, shifted, rearranged}) {
        if (llvm::Value* value = rule(b, operation)) {
            b.output(operation, value);
            return true;
        }
    }
    return false;
}

}  // namespace panda::lift
